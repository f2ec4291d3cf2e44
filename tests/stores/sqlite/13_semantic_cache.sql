BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'qualityroute','first_tables','2026-11-26 02:21:36.198544+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'qualityroute','costs_of_peers','2026-11-26 02:21:36.227854+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'qualityroute','ground_truth','2026-11-26 02:21:36.229241+00:00');
INSERT INTO "_sqlite_migrations" VALUES(4,'qualityroute','learned_capabilities','2026-11-26 02:21:36.229511+00:00');
INSERT INTO "_sqlite_migrations" VALUES(5,'qualityroute','budgets','2026-11-26 02:21:36.229983+00:00');
INSERT INTO "_sqlite_migrations" VALUES(6,'qualityroute','searches','2026-11-26 02:21:36.230429+00:00');
INSERT INTO "_sqlite_migrations" VALUES(7,'qualityroute','keys','2026-11-26 02:21:36.230771+00:00');
INSERT INTO "_sqlite_migrations" VALUES(8,'qualityroute','learned_routing','2026-11-26 02:21:36.264325+00:00');
INSERT INTO "_sqlite_migrations" VALUES(9,'qualityroute','pruning','2026-11-26 02:21:36.265679+00:00');
INSERT INTO "_sqlite_migrations" VALUES(10,'qualityroute','head_starts','2026-11-26 02:21:36.294501+00:00');
INSERT INTO "_sqlite_migrations" VALUES(11,'qualityroute','exact_cache','2026-11-26 02:21:36.295178+00:00');
INSERT INTO "_sqlite_migrations" VALUES(12,'qualityroute','cache_by_the_hour','2026-11-26 02:21:36.295533+00:00');
INSERT INTO "_sqlite_migrations" VALUES(13,'qualityroute','semantic_cache','2026-11-26 02:21:36.357050+00:00');
CREATE TABLE attempts (
    decision_id TEXT NOT NULL REFERENCES decisions(id),
    attempt INTEGER NOT NULL,      -- 0 is the first
    tier TEXT NOT NULL,
    ruling TEXT NOT NULL,          -- accepted, rejected, undecided
    reason TEXT,
    message TEXT NOT NULL,
    repaired INTEGER NOT NULL,     -- 1: the JSON stood in a code fence, which was taken off
    latency_ms REAL NOT NULL, begun TEXT NOT NULL DEFAULT 'in turn',
    PRIMARY KEY (decision_id, attempt)
) WITHOUT ROWID;
INSERT INTO "attempts" VALUES('01a215a8898a2c33324604b2',0,'efficiency','accepted',NULL,'',0,21.515,'in turn');
INSERT INTO "attempts" VALUES('01a215a889be15422e58a713',0,'efficiency','rejected','schema','answer: lacks one of ["number", "total"]',0,17.872,'in turn');
INSERT INTO "attempts" VALUES('01a215a889be15422e58a713',1,'performance','accepted',NULL,'',0,0.404,'in turn');
INSERT INTO "attempts" VALUES('01a215a889d27774be1af230',0,'performance','accepted',NULL,'',0,0.233,'in turn');
INSERT INTO "attempts" VALUES('01a215a889d3f59e1458a6b2',0,'efficiency','accepted',NULL,'',0,59.863,'in turn');
INSERT INTO "attempts" VALUES('01a215a88a105a4a3c134560',0,'efficiency','rejected','schema','answer: lacks one of ["number", "total"]',0,0.405,'in turn');
INSERT INTO "attempts" VALUES('01a215a88a105a4a3c134560',1,'performance','rejected','schema','answer: lacks one of ["number", "total"]',0,0.25,'in turn');
CREATE TABLE audits (
    decision_id TEXT PRIMARY KEY NOT NULL REFERENCES decisions(id), -- whose accepted answer was audited
    audit_id TEXT NOT NULL REFERENCES decisions(id),                -- the decision that asked performance
    at TEXT NOT NULL,              -- ISO 8601, UTC
    task TEXT NOT NULL,
    certificate TEXT,              -- the one in force when the answer was accepted
    agrees INTEGER,                -- NULL: could not be compared
    cost REAL,                     -- USD; NULL is unknown
    details TEXT NOT NULL          -- the fields that differ, as JSON
);
CREATE TABLE baselines (
    task TEXT NOT NULL,
    input_id TEXT NOT NULL,
    origin TEXT NOT NULL,          -- performance (that tier's answer), or person, which wins
    at TEXT NOT NULL,              -- ISO 8601, UTC
    input_key TEXT NOT NULL,       -- a hash of the input; empty where only its id was given
    decision_id TEXT REFERENCES decisions(id),
    cost REAL,                     -- USD of the performance answer; NULL is unknown
    fingerprint TEXT NOT NULL,     -- of the models, parameters, instructions and schema that were asked
    output TEXT NOT NULL,          -- JSON
    input TEXT,                    -- the messages as JSON, where they may be kept
    PRIMARY KEY (task, input_id, origin)
) WITHOUT ROWID;
CREATE TABLE cache (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,         -- empty: for every session of the tenant
    task TEXT NOT NULL,
    key TEXT NOT NULL,             -- of the question, all that shapes its answer, and its scope
    tier TEXT NOT NULL,            -- that answered
    model TEXT NOT NULL,           -- provider/model that answered
    answer TEXT NOT NULL,          -- its words
    at TEXT NOT NULL,              -- ISO 8601, UTC
    until TEXT NOT NULL,           -- served before this, and removed some time after
    decision_id TEXT NOT NULL REFERENCES decisions(id), -- the decision that it answered first
    cost REAL,                     -- USD that this decision took; NULL is unknown
    PRIMARY KEY (tenant, session, task, key, tier)
);
CREATE TABLE cache_hits (
    decision_id TEXT PRIMARY KEY NOT NULL REFERENCES decisions(id),
    at TEXT NOT NULL,              -- ISO 8601, UTC
    task TEXT NOT NULL,
    source TEXT NOT NULL,          -- the decision whose answer was served again
    saved REAL                     -- USD that the source took; NULL is unknown
);
CREATE TABLE cache_likening_sums (
    hour TEXT NOT NULL,            -- such as 2026-11-23T20, UTC
    task TEXT NOT NULL,
    fate TEXT NOT NULL,
    looks INTEGER NOT NULL,
    cost INTEGER NOT NULL,         -- in 1e-12 USD
    unknown INTEGER NOT NULL,      -- looks of which nobody knows what they cost
    saved INTEGER NOT NULL,        -- in 1e-12 USD
    PRIMARY KEY (hour, task, fate)
) WITHOUT ROWID;
CREATE TABLE cache_likenings (
    decision_id TEXT PRIMARY KEY NOT NULL REFERENCES decisions(id),
    at TEXT NOT NULL,              -- ISO 8601, UTC
    task TEXT NOT NULL,
    fingerprint TEXT NOT NULL,     -- of the pipeline, and of what likens questions
    fate TEXT NOT NULL,            -- served, confirmed, or why no earlier answer was
    similarity REAL,               -- of the question in question
    propensity REAL,               -- the chance with which the judge was to be asked; NULL where nothing came so far
    source TEXT,                   -- the decision whose answer was in question
    cost REAL,                     -- USD of vector and judge; NULL is unknown
    saved REAL                     -- USD that the source took, of those that were served; NULL is unknown
);
CREATE TABLE cache_savings (
    hour TEXT NOT NULL,            -- such as 2026-11-23T20, UTC
    task TEXT NOT NULL,
    hits INTEGER NOT NULL,
    saved INTEGER NOT NULL,        -- in 1e-12 USD
    unknown INTEGER NOT NULL,      -- hits of which nobody knows what they saved
    PRIMARY KEY (hour, task)
) WITHOUT ROWID;
CREATE TABLE cache_vectors (
    decision_id TEXT PRIMARY KEY NOT NULL REFERENCES decisions(id), -- whose answer stands in cache
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,         -- as in cache
    task TEXT NOT NULL,
    space TEXT NOT NULL,           -- of all that has to be equal besides the text, its scope included
    key TEXT NOT NULL,             -- as in cache
    question TEXT NOT NULL,        -- the text that is compared
    vector BLOB NOT NULL,          -- of length 1: float32, little-endian
    at TEXT NOT NULL,              -- as in cache
    until TEXT NOT NULL
);
CREATE TABLE calls (
    decision_id TEXT NOT NULL REFERENCES decisions(id),
    attempt INTEGER NOT NULL,
    position INTEGER NOT NULL,     -- in the order made, within the attempt
    role TEXT NOT NULL,            -- answer, judge, peer, audit
    tier TEXT,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,           -- as asked for, without its provider
    served_model TEXT NOT NULL,    -- as the provider named it
    "check" TEXT,                  -- the check that made the call; NULL: the call for the answer itself
    input_tokens INTEGER,
    cached_tokens INTEGER,         -- the part of input_tokens read from the provider's prompt cache
    output_tokens INTEGER,
    reasoning_tokens INTEGER,      -- the part of output_tokens spent on reasoning
    estimated INTEGER NOT NULL,    -- 1: the tokens are our estimate, not the provider's count
    cost REAL,                     -- USD at the price of that day; NULL is unknown, not 0
    latency_ms REAL NOT NULL,
    error TEXT,                    -- NULL: the call was answered
    message TEXT NOT NULL,
    retries INTEGER NOT NULL,
    verdict INTEGER,               -- position of the check's verdict within the attempt
    PRIMARY KEY (decision_id, attempt, position)
) WITHOUT ROWID;
INSERT INTO "calls" VALUES('01a215a8898a2c33324604b2',0,0,'answer','efficiency','practice','small','small',NULL,81,0,9,NULL,1,9.0e-06,0.213,NULL,'',0,NULL);
INSERT INTO "calls" VALUES('01a215a8898a2c33324604b2',0,1,'judge',NULL,'practice','checker','checker','judge',388,0,24,NULL,1,2.06e-05,0.183,NULL,'',0,2);
INSERT INTO "calls" VALUES('01a215a889be15422e58a713',0,0,'answer','efficiency','practice','small','small',NULL,81,0,5,NULL,1,8.6e-06,0.148,NULL,'',0,NULL);
INSERT INTO "calls" VALUES('01a215a889be15422e58a713',1,0,'answer','performance','practice','careful','careful',NULL,81,0,8,NULL,1,0.000267,0.172,NULL,'',0,NULL);
INSERT INTO "calls" VALUES('01a215a889d27774be1af230',0,0,'answer','performance','practice','careful','careful',NULL,81,0,8,NULL,1,0.000267,0.1,NULL,'',0,NULL);
INSERT INTO "calls" VALUES('01a215a889d3f59e1458a6b2',0,0,'answer','efficiency','practice','small','small',NULL,81,0,9,NULL,1,9.0e-06,0.089,NULL,'',0,NULL);
INSERT INTO "calls" VALUES('01a215a889d3f59e1458a6b2',0,1,'judge',NULL,'practice','checker','checker','judge',388,0,24,NULL,1,2.06e-05,59.259,NULL,'',0,2);
INSERT INTO "calls" VALUES('01a215a88a105a4a3c134560',0,0,'answer','efficiency','practice','small','small',NULL,81,0,5,NULL,1,8.6e-06,0.111,NULL,'',0,NULL);
INSERT INTO "calls" VALUES('01a215a88a105a4a3c134560',1,0,'answer','performance','practice','careful','careful',NULL,81,0,5,NULL,1,0.000258,0.082,NULL,'',0,NULL);
CREATE TABLE capabilities (
    provider TEXT NOT NULL,        -- as the configuration named it
    base_url TEXT NOT NULL,
    model TEXT NOT NULL,
    name TEXT NOT NULL,            -- what it is about, such as 'structured output' or 'no temperature'
    value TEXT NOT NULL,
    at TEXT NOT NULL,              -- when it was found; ISO 8601, UTC
    PRIMARY KEY (base_url, model, name)
) WITHOUT ROWID;
CREATE TABLE cells (
    task TEXT NOT NULL,            -- empty: of all tasks
    model TEXT NOT NULL,           -- provider/model of the efficiency tier; empty: of the whole task
    fingerprint TEXT NOT NULL,     -- of the pipeline; empty: of the whole task
    band INTEGER NOT NULL,         -- of the regression's predictions, 0 to 4; -1: all of them
    passes REAL NOT NULL,          -- outcomes, each weighing .99 of what it did with each further one
    escalations REAL NOT NULL,
    observed INTEGER NOT NULL,     -- outcomes, forgotten ones too
    purse REAL NOT NULL,           -- of the bet that P(escalate) is above the break-even
    at TEXT NOT NULL,              -- of the newest outcome; ISO 8601, UTC
    PRIMARY KEY (task, model, fingerprint, band)
) WITHOUT ROWID;
CREATE TABLE certificates (
    id TEXT PRIMARY KEY NOT NULL,
    task TEXT NOT NULL,
    at TEXT NOT NULL,              -- ISO 8601, UTC
    until TEXT NOT NULL,
    pipeline TEXT NOT NULL,        -- key of what was certified
    threshold REAL NOT NULL,
    alpha REAL NOT NULL,           -- at most this share of accepted answers differs
    delta REAL NOT NULL,           -- with confidence 1 - delta
    accepted INTEGER NOT NULL,     -- labelled cases at or above the threshold
    bad INTEGER NOT NULL,
    cases INTEGER NOT NULL,
    upper_bound REAL NOT NULL,
    test TEXT NOT NULL,            -- exact, anytime
    revoked_at TEXT,
    revoked_why TEXT NOT NULL,
    labels_from TEXT,              -- of a revoked one: labels from here on can make the next
    parts TEXT NOT NULL            -- the pipeline as JSON
);
CREATE TABLE decisions (
    id TEXT PRIMARY KEY NOT NULL,
    at TEXT NOT NULL,              -- when the request came; ISO 8601, UTC
    tenant TEXT NOT NULL,
    session TEXT,                  -- NULL: a request without a session
    task TEXT NOT NULL,
    route TEXT NOT NULL,           -- why it started where it started: cascade, pinned, probe, task, asked, baseline
    tier TEXT,                     -- the tier that answered
    model TEXT,                    -- provider/model that answered
    outcome TEXT NOT NULL,         -- accepted, fallback, pinned, failover, performance, rejected, failed, ...
    reason TEXT,                   -- why it left the efficiency tier, or why it failed
    message TEXT NOT NULL,         -- the reason in words
    cost REAL,                     -- USD; NULL is unknown, not 0
    latency_ms REAL NOT NULL,
    pin TEXT,                      -- what it did to its session's pin: created, held, probe_failed, released, ...
    failed INTEGER,                -- unpinned efficiency attempt: 1 rejected, 0 accepted, NULL not judged or no such
    session_attempt INTEGER,       -- which judged attempt of its session and task, up to the first failure
    session_started TEXT,          -- when the first of those was; NULL where session_attempt is
    fingerprint TEXT NOT NULL,     -- of the configuration it ran under
    metadata TEXT NOT NULL         -- the caller's own, as JSON
);
INSERT INTO "decisions" VALUES('01a215a8898a2c33324604b2','2026-11-20T09:07:00.000000+00:00','default','easy','invoice','cascade','efficiency','practice/small','accepted',NULL,'',2.96e-05,22.067,NULL,0,1,'2026-11-20T09:07:00.000000+00:00','cfa2b82c3e7f8fcb','{}');
INSERT INTO "decisions" VALUES('01a215a889be15422e58a713','2026-11-20T09:56:00.000000+00:00','default','hard','invoice','cascade','performance','practice/careful','fallback','schema','answer: lacks one of ["number", "total"]',0.0002756,18.639,'created',1,1,'2026-11-20T09:56:00.000000+00:00','cfa2b82c3e7f8fcb','{}');
INSERT INTO "decisions" VALUES('01a215a889d27774be1af230','2026-11-20T10:45:00.000000+00:00','default','hard','invoice','pinned','performance','practice/careful','pinned',NULL,'',0.000267,0.461,'held',NULL,NULL,NULL,'cfa2b82c3e7f8fcb','{}');
INSERT INTO "decisions" VALUES('01a215a889d3f59e1458a6b2','2026-11-20T11:20:00.000000+00:00','default','easy','invoice','cascade','efficiency','practice/small','accepted',NULL,'',2.96e-05,60.061,NULL,0,2,'2026-11-20T09:07:00.000000+00:00','cfa2b82c3e7f8fcb','{}');
INSERT INTO "decisions" VALUES('01a215a88a105a4a3c134560','2026-11-20T12:09:00.000000+00:00','default','odd','invoice','cascade',NULL,NULL,'rejected','schema','answer: lacks one of ["number", "total"]',0.0002666,0.912,'created',1,1,'2026-11-20T12:09:00.000000+00:00','cfa2b82c3e7f8fcb','{}');
CREATE TABLE forecasts (
    decision_id TEXT PRIMARY KEY NOT NULL REFERENCES decisions(id),
    at TEXT NOT NULL,              -- ISO 8601, UTC
    task TEXT NOT NULL,
    model TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    band INTEGER NOT NULL,
    by_cells REAL NOT NULL,        -- P(escalate) before the request, as the log had it
    by_regression REAL,            -- as the regression had it; NULL while there was none
    in_use INTEGER NOT NULL,       -- 1: the regression's counted
    break_even REAL,               -- NULL while costs were unknown
    wanted TEXT NOT NULL,          -- by the rule: cascade, performance, unjudged
    taken TEXT NOT NULL,           -- what was done; cascade also where the request was one of the explored
    propensity REAL NOT NULL,      -- the probability with which it was
    features TEXT NOT NULL,        -- numbers as JSON, by which the regression is fitted
    escalated INTEGER              -- 1, 0; NULL: nobody can say
);
CREATE TABLE horizons (
    task TEXT PRIMARY KEY NOT NULL, -- empty: of all tasks
    hour TEXT NOT NULL             -- decisions before it were pruned; such as 2026-11-23T20, UTC
);
CREATE TABLE keys (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,            -- of one key in force at most; what was spent today goes by it
    tenant TEXT NOT NULL,          -- whose sessions and pins its requests meet
    digest TEXT NOT NULL,          -- SHA-256 of the token, which is nowhere
    hint TEXT NOT NULL,            -- the token's last 4 characters
    created_at TEXT NOT NULL,      -- ISO 8601, UTC
    revoked_at TEXT,               -- NULL: in force
    budget_per_day TEXT,           -- USD, in digits; NULL: no limit
    requests_per_minute INTEGER,   -- NULL: no limit
    dashboard INTEGER NOT NULL     -- 1: may open the dashboard
);
CREATE TABLE labels (
    decision_id TEXT NOT NULL REFERENCES decisions(id),
    origin TEXT NOT NULL,          -- performance (differs from its answer), or person, which wins
    at TEXT NOT NULL,              -- ISO 8601, UTC
    task TEXT NOT NULL,
    pipeline TEXT NOT NULL,        -- key of what answered and scored
    score REAL,                    -- NULL: rejected before any score was given
    accepted INTEGER NOT NULL,
    bad INTEGER,                   -- 1: differs from the reference; NULL: could not be compared
    input_id TEXT,                 -- of the reference, where `baseline compare` made it
    attempt_cost REAL,             -- USD of the efficiency answer with its gate
    reference_cost REAL,           -- USD of the performance answer
    reference_right INTEGER NOT NULL,
    differences TEXT NOT NULL, tenant TEXT, session TEXT,     -- JSON
    PRIMARY KEY (decision_id, origin)
) WITHOUT ROWID;
CREATE TABLE latencies (
    hour TEXT NOT NULL,
    task TEXT NOT NULL,
    outcome TEXT NOT NULL,
    step INTEGER NOT NULL,         -- at most 2^(step/8) milliseconds
    decisions INTEGER NOT NULL,
    PRIMARY KEY (hour, task, outcome, step)
) WITHOUT ROWID;
INSERT INTO "latencies" VALUES('2026-11-20T09','invoice','accepted',36,1);
INSERT INTO "latencies" VALUES('2026-11-20T09','invoice','fallback',34,1);
INSERT INTO "latencies" VALUES('2026-11-20T10','invoice','pinned',-8,1);
INSERT INTO "latencies" VALUES('2026-11-20T11','invoice','accepted',48,1);
INSERT INTO "latencies" VALUES('2026-11-20T12','invoice','rejected',-1,1);
CREATE TABLE looks (
    task TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    at TEXT NOT NULL,              -- ISO 8601, UTC
    test TEXT NOT NULL,            -- exact, anytime
    level REAL NOT NULL,           -- the chance of a false certificate that it took
    cases INTEGER NOT NULL,
    thresholds TEXT NOT NULL       -- of the anytime test, as JSON
);
CREATE TABLE payloads (
    decision_id TEXT NOT NULL REFERENCES decisions(id),
    kind TEXT NOT NULL,            -- prompt or answer, and of which attempt
    content TEXT NOT NULL,
    PRIMARY KEY (decision_id, kind)
) WITHOUT ROWID;
INSERT INTO "payloads" VALUES('01a215a8898a2c33324604b2','answer.1.efficiency','{"number": "A-1", "total": 12.5}');
INSERT INTO "payloads" VALUES('01a215a8898a2c33324604b2','input','[{"role": "user", "content": "Invoice A-1, total 12.50"}]');
INSERT INTO "payloads" VALUES('01a215a889be15422e58a713','answer.1.efficiency','{"number": "A-1"}');
INSERT INTO "payloads" VALUES('01a215a889be15422e58a713','answer.2.performance','{"number": "A-1", "total": 13}');
INSERT INTO "payloads" VALUES('01a215a889be15422e58a713','input','[{"role": "user", "content": "Invoice A-1, total 12.50"}]');
INSERT INTO "payloads" VALUES('01a215a889d27774be1af230','answer.1.performance','{"number": "A-1", "total": 13}');
INSERT INTO "payloads" VALUES('01a215a889d27774be1af230','input','[{"role": "user", "content": "Invoice A-1, total 12.50"}]');
INSERT INTO "payloads" VALUES('01a215a889d3f59e1458a6b2','answer.1.efficiency','{"number": "A-1", "total": 12.5}');
INSERT INTO "payloads" VALUES('01a215a889d3f59e1458a6b2','input','[{"role": "user", "content": "Invoice A-1, total 12.50"}]');
INSERT INTO "payloads" VALUES('01a215a88a105a4a3c134560','answer.1.efficiency','{"number": "A-1"}');
INSERT INTO "payloads" VALUES('01a215a88a105a4a3c134560','answer.2.performance','{"number": "A-1"}');
INSERT INTO "payloads" VALUES('01a215a88a105a4a3c134560','input','[{"role": "user", "content": "Invoice A-1, total 12.50"}]');
CREATE TABLE pins (
    session TEXT NOT NULL,
    task TEXT NOT NULL,            -- empty: every task of the session
    state TEXT NOT NULL,           -- held, half_open (the next request probes), watching (not pinned yet)
    reason TEXT NOT NULL,          -- why: the rejected answer's reason, or manual
    "check" TEXT NOT NULL,         -- the check that rejected the answer
    message TEXT NOT NULL,         -- the reason in words
    since TEXT NOT NULL,           -- ISO 8601, UTC
    until TEXT NOT NULL,           -- no longer than this
    served INTEGER NOT NULL,       -- requests served by the performance tier because of this pin
    failed_probes INTEGER NOT NULL,
    model TEXT NOT NULL,           -- provider/model whose answer was rejected
    decision_id TEXT NOT NULL,     -- the decision that made the pin
    tenant TEXT NOT NULL,
    last_used TEXT NOT NULL,
    strikes INTEGER NOT NULL,      -- rejected answers in a row
    held INTEGER NOT NULL,         -- 0: only watching
    hold INTEGER NOT NULL,         -- requests held between probes
    remaining INTEGER NOT NULL,    -- requests still held before the next probe
    passed_probes INTEGER NOT NULL,
    probe_token TEXT,              -- who has the lease of the probe
    probe_expires TEXT,
    PRIMARY KEY (tenant, session, task)
) WITHOUT ROWID;
INSERT INTO "pins" VALUES('hard','','held','schema','schema','answer: lacks one of ["number", "total"]','2026-11-20T10:38:00.000000+00:00','2036-11-17T10:38:00.000000+00:00',1,0,'practice/small','01a215a889be15422e58a713','default','2026-11-20T11:13:00.000000+00:00',1,1,2,1,0,NULL,NULL);
INSERT INTO "pins" VALUES('odd','','held','schema','schema','answer: lacks one of ["number", "total"]','2026-11-20T12:51:00.000000+00:00','2036-11-17T12:51:00.000000+00:00',0,0,'practice/small','01a215a88a105a4a3c134560','default','2026-11-20T12:51:00.000000+00:00',1,1,2,2,0,NULL,NULL);
CREATE TABLE regressions (
    task TEXT NOT NULL,
    model TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    outcomes INTEGER NOT NULL,     -- of the cell when it was fitted
    weights TEXT NOT NULL,         -- JSON
    PRIMARY KEY (task, model, fingerprint)
) WITHOUT ROWID;
CREATE TABLE reservations (
    scope TEXT NOT NULL,           -- this and the next three as in spending
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    day TEXT NOT NULL,
    id TEXT NOT NULL,              -- of one call under way; in each budget that it draws on
    amount INTEGER NOT NULL,       -- 1e-12 USD that it may cost
    expires TEXT NOT NULL,         -- ISO 8601, UTC; from then on it is not counted, since its process has died
    PRIMARY KEY (scope, tenant, name, day, id)
) WITHOUT ROWID;
CREATE TABLE secrets (
    name TEXT PRIMARY KEY NOT NULL, -- what it signs, such as the dashboard's sessions
    value TEXT NOT NULL            -- 64 random hexadecimal digits
);
CREATE TABLE spending (
    scope TEXT NOT NULL,           -- session, task, key or day
    tenant TEXT NOT NULL,          -- a session's, else empty
    name TEXT NOT NULL,            -- the session, the task or the key, else empty
    day TEXT NOT NULL,             -- such as 2026-11-23, UTC; empty for a session, whose budget is for all its time
    spent INTEGER NOT NULL,        -- 1e-12 USD, by calls that are over
    PRIMARY KEY (scope, tenant, name, day)
) WITHOUT ROWID;
CREATE TABLE tallies (
    hour TEXT NOT NULL,            -- such as 2026-11-23T20, UTC
    task TEXT NOT NULL,
    route TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,          -- why the first attempt on efficiency was not accepted, or empty
    failed INTEGER NOT NULL,       -- as in decisions, -1 where it is NULL there
    session_attempt INTEGER NOT NULL, -- as in decisions, 0 where it is NULL there; 5 stands for 5 and more
    caught INTEGER NOT NULL,       -- 1: every free check passed and the judge rejected
    judged INTEGER NOT NULL,       -- 1: the first attempt reached the judge
    pin TEXT NOT NULL,             -- as in decisions, or empty
    decisions INTEGER NOT NULL,
    cut_off INTEGER NOT NULL,      -- calls that got no answer and may be billed all the same
    efficiency_attempts INTEGER NOT NULL,
    efficiency_cost INTEGER NOT NULL,   -- all costs in 1e-12 USD
    efficiency_unknown INTEGER NOT NULL, -- answers whose cost is unknown
    judge_calls INTEGER NOT NULL,
    judge_cost INTEGER NOT NULL,
    judge_unknown INTEGER NOT NULL,
    performance_attempts INTEGER NOT NULL,
    performance_cost INTEGER NOT NULL,
    performance_unknown INTEGER NOT NULL,
    alone INTEGER NOT NULL,        -- decisions that only efficiency answered, their input tokens known
    alone_tokens INTEGER NOT NULL, -- the input tokens of those
    pairs INTEGER NOT NULL,        -- decisions that both tiers answered, tokens and cost known
    pair_tokens INTEGER NOT NULL,  -- efficiency's input tokens of those
    pair_cost INTEGER NOT NULL,    -- performance's cost of those
    pair_tokens_squared REAL NOT NULL,
    pair_tokens_cost REAL NOT NULL, peer_calls INTEGER NOT NULL DEFAULT 0, peer_cost INTEGER NOT NULL DEFAULT 0, peer_unknown INTEGER NOT NULL DEFAULT 0, early INTEGER NOT NULL DEFAULT 0, early_ms REAL NOT NULL DEFAULT 0, saved_ms REAL NOT NULL DEFAULT 0, spare INTEGER NOT NULL DEFAULT 0, spare_cost INTEGER NOT NULL DEFAULT 0, spare_unknown INTEGER NOT NULL DEFAULT 0, likening_calls INTEGER NOT NULL DEFAULT 0, likening_cost INTEGER NOT NULL DEFAULT 0, likening_unknown INTEGER NOT NULL DEFAULT 0, -- tokens times cost
    PRIMARY KEY (hour, task, route, outcome, reason, failed, session_attempt, caught, judged, pin)
) WITHOUT ROWID;
INSERT INTO "tallies" VALUES('2026-11-20T09','invoice','cascade','accepted','',0,1,0,1,'',1,0,1,9000000,0,1,20600000,0,0,0,0,1,81,0,0,0,0.0,0.0,0,0,0,0,0.0,0.0,0,0,0,0,0,0);
INSERT INTO "tallies" VALUES('2026-11-20T09','invoice','cascade','fallback','schema',1,1,0,0,'created',1,0,1,8600000,0,0,0,0,1,267000000,0,0,0,1,81,267000000,6561.0,21627000000.0,0,0,0,0,0.0,0.0,0,0,0,0,0,0);
INSERT INTO "tallies" VALUES('2026-11-20T10','invoice','pinned','pinned','',-1,0,0,0,'held',1,0,0,0,0,0,0,0,1,267000000,0,0,0,0,0,0,0.0,0.0,0,0,0,0,0.0,0.0,0,0,0,0,0,0);
INSERT INTO "tallies" VALUES('2026-11-20T11','invoice','cascade','accepted','',0,2,0,1,'',1,0,1,9000000,0,1,20600000,0,0,0,0,1,81,0,0,0,0.0,0.0,0,0,0,0,0.0,0.0,0,0,0,0,0,0);
INSERT INTO "tallies" VALUES('2026-11-20T12','invoice','cascade','rejected','schema',1,1,0,0,'created',1,0,1,8600000,0,0,0,0,1,258000000,0,0,0,1,81,258000000,6561.0,20898000000.0,0,0,0,0,0.0,0.0,0,0,0,0,0,0);
CREATE TABLE turns (
    work TEXT PRIMARY KEY NOT NULL, -- such as prune
    until TEXT NOT NULL            -- ISO 8601, UTC; before that, only who took the turn does this work
);
CREATE TABLE verdicts (
    decision_id TEXT NOT NULL REFERENCES decisions(id),
    attempt INTEGER NOT NULL,
    position INTEGER NOT NULL,     -- in the order of the gate
    "check" TEXT NOT NULL,
    ruling TEXT NOT NULL,          -- accepted, rejected, undecided
    reason TEXT,
    message TEXT NOT NULL,
    score REAL,
    details TEXT NOT NULL,         -- JSON
    PRIMARY KEY (decision_id, attempt, position)
) WITHOUT ROWID;
INSERT INTO "verdicts" VALUES('01a215a8898a2c33324604b2',0,0,'form','accepted',NULL,'',NULL,'{}');
INSERT INTO "verdicts" VALUES('01a215a8898a2c33324604b2',0,1,'schema','accepted',NULL,'',NULL,'{}');
INSERT INTO "verdicts" VALUES('01a215a8898a2c33324604b2',0,2,'judge','accepted',NULL,'',1.0,'{"yes": {"right": 1.0}, "threshold": 0.8, "evidence": {"right": ""}, "verdicts": 1, "with_logprobs": 0, "with_decisions": 0, "own": 0, "certified": false}');
INSERT INTO "verdicts" VALUES('01a215a889be15422e58a713',0,0,'form','accepted',NULL,'',NULL,'{}');
INSERT INTO "verdicts" VALUES('01a215a889be15422e58a713',0,1,'schema','rejected','schema','answer: lacks one of ["number", "total"]',NULL,'{}');
INSERT INTO "verdicts" VALUES('01a215a889be15422e58a713',1,0,'form','accepted',NULL,'',NULL,'{}');
INSERT INTO "verdicts" VALUES('01a215a889be15422e58a713',1,1,'schema','accepted',NULL,'',NULL,'{}');
INSERT INTO "verdicts" VALUES('01a215a889d27774be1af230',0,0,'form','accepted',NULL,'',NULL,'{}');
INSERT INTO "verdicts" VALUES('01a215a889d27774be1af230',0,1,'schema','accepted',NULL,'',NULL,'{}');
INSERT INTO "verdicts" VALUES('01a215a889d3f59e1458a6b2',0,0,'form','accepted',NULL,'',NULL,'{}');
INSERT INTO "verdicts" VALUES('01a215a889d3f59e1458a6b2',0,1,'schema','accepted',NULL,'',NULL,'{}');
INSERT INTO "verdicts" VALUES('01a215a889d3f59e1458a6b2',0,2,'judge','accepted',NULL,'',1.0,'{"yes": {"right": 1.0}, "threshold": 0.8, "evidence": {"right": ""}, "verdicts": 1, "with_logprobs": 0, "with_decisions": 0, "own": 0, "certified": false}');
INSERT INTO "verdicts" VALUES('01a215a88a105a4a3c134560',0,0,'form','accepted',NULL,'',NULL,'{}');
INSERT INTO "verdicts" VALUES('01a215a88a105a4a3c134560',0,1,'schema','rejected','schema','answer: lacks one of ["number", "total"]',NULL,'{}');
INSERT INTO "verdicts" VALUES('01a215a88a105a4a3c134560',1,0,'form','accepted',NULL,'',NULL,'{}');
INSERT INTO "verdicts" VALUES('01a215a88a105a4a3c134560',1,1,'schema','rejected','schema','answer: lacks one of ["number", "total"]',NULL,'{}');
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX decisions_at ON decisions (at);
CREATE INDEX decisions_session_attempts ON decisions (tenant, session, task, session_attempt, failed)
       WHERE session IS NOT NULL AND session_attempt IS NOT NULL;
CREATE INDEX decisions_session_starts ON decisions (task, session_started, session_attempt, failed)
       WHERE session_attempt IS NOT NULL;
CREATE INDEX verdicts_of_judges_in_trouble ON verdicts (decision_id) WHERE reason = 'judge_error';
CREATE INDEX labels_of_task ON labels (task, pipeline, at);
CREATE INDEX audits_of_task ON audits (task, at);
CREATE INDEX audits_of_certificate ON audits (certificate, at);
CREATE INDEX baselines_of_input ON baselines (task, input_key);
CREATE INDEX certificates_of_task ON certificates (task, at);
CREATE INDEX looks_of_pipeline ON looks (task, pipeline, at);
CREATE INDEX reservations_by_expiry ON reservations (expires);
CREATE INDEX decisions_of_sessions ON decisions (session, at) WHERE session IS NOT NULL;
CREATE INDEX decisions_by_reason ON decisions (reason, at) WHERE reason IS NOT NULL;
CREATE INDEX decisions_by_outcome ON decisions (outcome, at);
CREATE INDEX decisions_by_task ON decisions (task, at);
CREATE UNIQUE INDEX keys_by_digest ON keys (digest);
CREATE UNIQUE INDEX keys_in_force_by_name ON keys (name) WHERE revoked_at IS NULL;
CREATE INDEX forecasts_by_task ON forecasts (task, at);
CREATE INDEX cache_until ON cache (until);
CREATE INDEX cache_vectors_by_space ON cache_vectors (tenant, session, task, space, at);
CREATE INDEX cache_vectors_until ON cache_vectors (until);
CREATE INDEX cache_likenings_by_task ON cache_likenings (task, fingerprint, at);
COMMIT;
