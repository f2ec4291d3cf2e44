CREATE TABLE public.attempts (
    decision_id text NOT NULL COLLATE pg_catalog."C",
    attempt bigint NOT NULL,
    tier text NOT NULL COLLATE pg_catalog."C",
    ruling text NOT NULL COLLATE pg_catalog."C",
    reason text COLLATE pg_catalog."C",
    message text NOT NULL COLLATE pg_catalog."C",
    repaired bigint NOT NULL,
    latency_ms double precision NOT NULL,
    begun text DEFAULT 'in turn'::text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.audits (
    rowid bigint NOT NULL,
    decision_id text NOT NULL COLLATE pg_catalog."C",
    audit_id text NOT NULL COLLATE pg_catalog."C",
    at text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    certificate text COLLATE pg_catalog."C",
    agrees bigint,
    cost double precision,
    details text NOT NULL COLLATE pg_catalog."C"
);
ALTER TABLE public.audits ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audits_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.baselines (
    task text NOT NULL COLLATE pg_catalog."C",
    input_id text NOT NULL COLLATE pg_catalog."C",
    origin text NOT NULL COLLATE pg_catalog."C",
    at text NOT NULL COLLATE pg_catalog."C",
    input_key text NOT NULL COLLATE pg_catalog."C",
    decision_id text COLLATE pg_catalog."C",
    cost double precision,
    fingerprint text NOT NULL COLLATE pg_catalog."C",
    output text NOT NULL COLLATE pg_catalog."C",
    input text COLLATE pg_catalog."C"
);
CREATE TABLE public.cache (
    rowid bigint NOT NULL,
    tenant text NOT NULL COLLATE pg_catalog."C",
    session text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    tier text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    answer text NOT NULL COLLATE pg_catalog."C",
    at text NOT NULL COLLATE pg_catalog."C",
    until text NOT NULL COLLATE pg_catalog."C",
    decision_id text NOT NULL COLLATE pg_catalog."C",
    cost double precision
);
CREATE TABLE public.cache_hits (
    rowid bigint NOT NULL,
    decision_id text NOT NULL COLLATE pg_catalog."C",
    at text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    saved double precision
);
ALTER TABLE public.cache_hits ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.cache_hits_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.cache_likening_sums (
    hour text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    fate text NOT NULL COLLATE pg_catalog."C",
    looks bigint NOT NULL,
    cost bigint NOT NULL,
    unknown bigint NOT NULL,
    saved bigint NOT NULL
);
CREATE TABLE public.cache_likenings (
    rowid bigint NOT NULL,
    decision_id text NOT NULL COLLATE pg_catalog."C",
    at text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    fingerprint text NOT NULL COLLATE pg_catalog."C",
    fate text NOT NULL COLLATE pg_catalog."C",
    similarity double precision,
    propensity double precision,
    source text COLLATE pg_catalog."C",
    cost double precision,
    saved double precision
);
ALTER TABLE public.cache_likenings ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.cache_likenings_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE public.cache ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.cache_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.cache_savings (
    hour text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    hits bigint NOT NULL,
    saved bigint NOT NULL,
    unknown bigint NOT NULL
);
CREATE TABLE public.cache_vectors (
    rowid bigint NOT NULL,
    decision_id text NOT NULL COLLATE pg_catalog."C",
    tenant text NOT NULL COLLATE pg_catalog."C",
    session text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    space text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    question text NOT NULL COLLATE pg_catalog."C",
    vector bytea NOT NULL,
    at text NOT NULL COLLATE pg_catalog."C",
    until text NOT NULL COLLATE pg_catalog."C"
);
ALTER TABLE public.cache_vectors ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.cache_vectors_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.calls (
    decision_id text NOT NULL COLLATE pg_catalog."C",
    attempt bigint NOT NULL,
    "position" bigint NOT NULL,
    role text NOT NULL COLLATE pg_catalog."C",
    tier text COLLATE pg_catalog."C",
    provider text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    served_model text NOT NULL COLLATE pg_catalog."C",
    "check" text COLLATE pg_catalog."C",
    input_tokens bigint,
    cached_tokens bigint,
    output_tokens bigint,
    reasoning_tokens bigint,
    estimated bigint NOT NULL,
    cost double precision,
    latency_ms double precision NOT NULL,
    error text COLLATE pg_catalog."C",
    message text NOT NULL COLLATE pg_catalog."C",
    retries bigint NOT NULL,
    verdict bigint
);
CREATE TABLE public.capabilities (
    provider text NOT NULL COLLATE pg_catalog."C",
    base_url text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C",
    at text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.cells (
    task text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    fingerprint text NOT NULL COLLATE pg_catalog."C",
    band bigint NOT NULL,
    passes double precision NOT NULL,
    escalations double precision NOT NULL,
    observed bigint NOT NULL,
    purse double precision NOT NULL,
    at text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.certificates (
    rowid bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    at text NOT NULL COLLATE pg_catalog."C",
    until text NOT NULL COLLATE pg_catalog."C",
    pipeline text NOT NULL COLLATE pg_catalog."C",
    threshold double precision NOT NULL,
    alpha double precision NOT NULL,
    delta double precision NOT NULL,
    accepted bigint NOT NULL,
    bad bigint NOT NULL,
    cases bigint NOT NULL,
    upper_bound double precision NOT NULL,
    test text NOT NULL COLLATE pg_catalog."C",
    revoked_at text COLLATE pg_catalog."C",
    revoked_why text NOT NULL COLLATE pg_catalog."C",
    labels_from text COLLATE pg_catalog."C",
    parts text NOT NULL COLLATE pg_catalog."C"
);
ALTER TABLE public.certificates ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.certificates_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.decisions (
    rowid bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    at text NOT NULL COLLATE pg_catalog."C",
    tenant text NOT NULL COLLATE pg_catalog."C",
    session text COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    route text NOT NULL COLLATE pg_catalog."C",
    tier text COLLATE pg_catalog."C",
    model text COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C",
    reason text COLLATE pg_catalog."C",
    message text NOT NULL COLLATE pg_catalog."C",
    cost double precision,
    latency_ms double precision NOT NULL,
    pin text COLLATE pg_catalog."C",
    failed bigint,
    session_attempt bigint,
    session_started text COLLATE pg_catalog."C",
    fingerprint text NOT NULL COLLATE pg_catalog."C",
    metadata text NOT NULL COLLATE pg_catalog."C"
);
ALTER TABLE public.decisions ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.decisions_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.forecasts (
    rowid bigint NOT NULL,
    decision_id text NOT NULL COLLATE pg_catalog."C",
    at text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    fingerprint text NOT NULL COLLATE pg_catalog."C",
    band bigint NOT NULL,
    by_cells double precision NOT NULL,
    by_regression double precision,
    in_use bigint NOT NULL,
    break_even double precision,
    wanted text NOT NULL COLLATE pg_catalog."C",
    taken text NOT NULL COLLATE pg_catalog."C",
    propensity double precision NOT NULL,
    features text NOT NULL COLLATE pg_catalog."C",
    escalated bigint
);
ALTER TABLE public.forecasts ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.forecasts_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.horizons (
    rowid bigint NOT NULL,
    task text NOT NULL COLLATE pg_catalog."C",
    hour text NOT NULL COLLATE pg_catalog."C"
);
ALTER TABLE public.horizons ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.horizons_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.keys (
    rowid bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    tenant text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    hint text NOT NULL COLLATE pg_catalog."C",
    created_at text NOT NULL COLLATE pg_catalog."C",
    revoked_at text COLLATE pg_catalog."C",
    budget_per_day text COLLATE pg_catalog."C",
    requests_per_minute bigint,
    dashboard bigint NOT NULL
);
ALTER TABLE public.keys ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.keys_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.labels (
    decision_id text NOT NULL COLLATE pg_catalog."C",
    origin text NOT NULL COLLATE pg_catalog."C",
    at text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    pipeline text NOT NULL COLLATE pg_catalog."C",
    score double precision,
    accepted bigint NOT NULL,
    bad bigint,
    input_id text COLLATE pg_catalog."C",
    attempt_cost double precision,
    reference_cost double precision,
    reference_right bigint NOT NULL,
    differences text NOT NULL COLLATE pg_catalog."C",
    tenant text COLLATE pg_catalog."C",
    session text COLLATE pg_catalog."C"
);
CREATE TABLE public.latencies (
    hour text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C",
    step bigint NOT NULL,
    decisions bigint NOT NULL
);
CREATE TABLE public.looks (
    rowid bigint NOT NULL,
    task text NOT NULL COLLATE pg_catalog."C",
    pipeline text NOT NULL COLLATE pg_catalog."C",
    at text NOT NULL COLLATE pg_catalog."C",
    test text NOT NULL COLLATE pg_catalog."C",
    level double precision NOT NULL,
    cases bigint NOT NULL,
    thresholds text NOT NULL COLLATE pg_catalog."C"
);
ALTER TABLE public.looks ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.looks_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.payloads (
    decision_id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    content text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.pins (
    session text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C",
    "check" text NOT NULL COLLATE pg_catalog."C",
    message text NOT NULL COLLATE pg_catalog."C",
    since text NOT NULL COLLATE pg_catalog."C",
    until text NOT NULL COLLATE pg_catalog."C",
    served bigint NOT NULL,
    failed_probes bigint NOT NULL,
    model text NOT NULL COLLATE pg_catalog."C",
    decision_id text NOT NULL COLLATE pg_catalog."C",
    tenant text NOT NULL COLLATE pg_catalog."C",
    last_used text NOT NULL COLLATE pg_catalog."C",
    strikes bigint NOT NULL,
    held bigint NOT NULL,
    hold bigint NOT NULL,
    remaining bigint NOT NULL,
    passed_probes bigint NOT NULL,
    probe_token text COLLATE pg_catalog."C",
    probe_expires text COLLATE pg_catalog."C"
);
CREATE TABLE public.qualityroute_migrations (
    rowid bigint NOT NULL,
    name text NOT NULL,
    applied_at text NOT NULL
);
ALTER TABLE public.qualityroute_migrations ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.qualityroute_migrations_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.qualityroute_writers (
    rowid bigint NOT NULL,
    writer text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL
);
ALTER TABLE public.qualityroute_writers ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.qualityroute_writers_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.regressions (
    task text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    fingerprint text NOT NULL COLLATE pg_catalog."C",
    outcomes bigint NOT NULL,
    weights text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.reservations (
    scope text NOT NULL COLLATE pg_catalog."C",
    tenant text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    day text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    amount bigint NOT NULL,
    expires text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.secrets (
    rowid bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C"
);
ALTER TABLE public.secrets ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.secrets_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.spending (
    scope text NOT NULL COLLATE pg_catalog."C",
    tenant text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    day text NOT NULL COLLATE pg_catalog."C",
    spent bigint NOT NULL
);
CREATE TABLE public.tallies (
    hour text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    route text NOT NULL COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C",
    failed bigint NOT NULL,
    session_attempt bigint NOT NULL,
    caught bigint NOT NULL,
    judged bigint NOT NULL,
    pin text NOT NULL COLLATE pg_catalog."C",
    decisions bigint NOT NULL,
    cut_off bigint NOT NULL,
    efficiency_attempts bigint NOT NULL,
    efficiency_cost bigint NOT NULL,
    efficiency_unknown bigint NOT NULL,
    judge_calls bigint NOT NULL,
    judge_cost bigint NOT NULL,
    judge_unknown bigint NOT NULL,
    performance_attempts bigint NOT NULL,
    performance_cost bigint NOT NULL,
    performance_unknown bigint NOT NULL,
    alone bigint NOT NULL,
    alone_tokens bigint NOT NULL,
    pairs bigint NOT NULL,
    pair_tokens bigint NOT NULL,
    pair_cost bigint NOT NULL,
    pair_tokens_squared double precision NOT NULL,
    pair_tokens_cost double precision NOT NULL,
    peer_calls bigint DEFAULT 0 NOT NULL,
    peer_cost bigint DEFAULT 0 NOT NULL,
    peer_unknown bigint DEFAULT 0 NOT NULL,
    early bigint DEFAULT 0 NOT NULL,
    early_ms double precision DEFAULT 0 NOT NULL,
    saved_ms double precision DEFAULT 0 NOT NULL,
    spare bigint DEFAULT 0 NOT NULL,
    spare_cost bigint DEFAULT 0 NOT NULL,
    spare_unknown bigint DEFAULT 0 NOT NULL,
    likening_calls bigint DEFAULT 0 NOT NULL,
    likening_cost bigint DEFAULT 0 NOT NULL,
    likening_unknown bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.turns (
    rowid bigint NOT NULL,
    work text NOT NULL COLLATE pg_catalog."C",
    until text NOT NULL COLLATE pg_catalog."C"
);
ALTER TABLE public.turns ALTER COLUMN rowid ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.turns_rowid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.verdicts (
    decision_id text NOT NULL COLLATE pg_catalog."C",
    attempt bigint NOT NULL,
    "position" bigint NOT NULL,
    "check" text NOT NULL COLLATE pg_catalog."C",
    ruling text NOT NULL COLLATE pg_catalog."C",
    reason text COLLATE pg_catalog."C",
    message text NOT NULL COLLATE pg_catalog."C",
    score double precision,
    details text NOT NULL COLLATE pg_catalog."C"
);
INSERT INTO public.attempts VALUES ('01a215a8c08c1d3ad2cb002f', 0, 'efficiency', 'accepted', NULL, '', 0, 1.066, 'in turn');
INSERT INTO public.attempts VALUES ('01a215a8c0ecbc045ff2ea0e', 0, 'efficiency', 'rejected', 'schema', 'answer: lacks one of ["number", "total"]', 0, 1.59, 'in turn');
INSERT INTO public.attempts VALUES ('01a215a8c0ecbc045ff2ea0e', 1, 'performance', 'accepted', NULL, '', 0, 0.245, 'in turn');
INSERT INTO public.attempts VALUES ('01a215a8c112c2a74f36968a', 0, 'performance', 'accepted', NULL, '', 0, 0.384, 'in turn');
INSERT INTO public.attempts VALUES ('01a215a8c11e4f91c424e3b7', 0, 'efficiency', 'accepted', NULL, '', 0, 0.772, 'in turn');
INSERT INTO public.attempts VALUES ('01a215a8c1369bf578124da5', 0, 'efficiency', 'rejected', 'schema', 'answer: lacks one of ["number", "total"]', 0, 0.617, 'in turn');
INSERT INTO public.attempts VALUES ('01a215a8c1369bf578124da5', 1, 'performance', 'rejected', 'schema', 'answer: lacks one of ["number", "total"]', 0, 0.253, 'in turn');
INSERT INTO public.calls VALUES ('01a215a8c08c1d3ad2cb002f', 0, 0, 'answer', 'efficiency', 'practice', 'small', 'small', NULL, 81, 0, 9, NULL, 1, 9e-06, 0.162, NULL, '', 0, NULL);
INSERT INTO public.calls VALUES ('01a215a8c08c1d3ad2cb002f', 0, 1, 'judge', NULL, 'practice', 'checker', 'checker', 'judge', 388, 0, 24, NULL, 1, 2.06e-05, 0.113, NULL, '', 0, 2);
INSERT INTO public.calls VALUES ('01a215a8c0ecbc045ff2ea0e', 0, 0, 'answer', 'efficiency', 'practice', 'small', 'small', NULL, 81, 0, 5, NULL, 1, 8.6e-06, 0.166, NULL, '', 0, NULL);
INSERT INTO public.calls VALUES ('01a215a8c0ecbc045ff2ea0e', 1, 0, 'answer', 'performance', 'practice', 'careful', 'careful', NULL, 81, 0, 8, NULL, 1, 0.000267, 0.104, NULL, '', 0, NULL);
INSERT INTO public.calls VALUES ('01a215a8c112c2a74f36968a', 0, 0, 'answer', 'performance', 'practice', 'careful', 'careful', NULL, 81, 0, 8, NULL, 1, 0.000267, 0.133, NULL, '', 0, NULL);
INSERT INTO public.calls VALUES ('01a215a8c11e4f91c424e3b7', 0, 0, 'answer', 'efficiency', 'practice', 'small', 'small', NULL, 81, 0, 9, NULL, 1, 9e-06, 0.131, NULL, '', 0, NULL);
INSERT INTO public.calls VALUES ('01a215a8c11e4f91c424e3b7', 0, 1, 'judge', NULL, 'practice', 'checker', 'checker', 'judge', 388, 0, 24, NULL, 1, 2.06e-05, 0.107, NULL, '', 0, 2);
INSERT INTO public.calls VALUES ('01a215a8c1369bf578124da5', 0, 0, 'answer', 'efficiency', 'practice', 'small', 'small', NULL, 81, 0, 5, NULL, 1, 8.6e-06, 0.175, NULL, '', 0, NULL);
INSERT INTO public.calls VALUES ('01a215a8c1369bf578124da5', 1, 0, 'answer', 'performance', 'practice', 'careful', 'careful', NULL, 81, 0, 5, NULL, 1, 0.000258, 0.084, NULL, '', 0, NULL);
INSERT INTO public.decisions OVERRIDING SYSTEM VALUE VALUES (1, '01a215a8c08c1d3ad2cb002f', '2026-11-20T10:38:00.000000+00:00', 'default', 'easy', 'invoice', 'cascade', 'efficiency', 'practice/small', 'accepted', NULL, '', 2.96e-05, 10.433, NULL, 0, 1, '2026-11-20T10:38:00.000000+00:00', 'cfa2b82c3e7f8fcb', '{}');
INSERT INTO public.decisions OVERRIDING SYSTEM VALUE VALUES (2, '01a215a8c0ecbc045ff2ea0e', '2026-11-20T11:27:00.000000+00:00', 'default', 'hard', 'invoice', 'cascade', 'performance', 'practice/careful', 'fallback', 'schema', 'answer: lacks one of ["number", "total"]', 0.0002756, 10.72, 'created', 1, 1, '2026-11-20T11:27:00.000000+00:00', 'cfa2b82c3e7f8fcb', '{}');
INSERT INTO public.decisions OVERRIDING SYSTEM VALUE VALUES (3, '01a215a8c112c2a74f36968a', '2026-11-20T12:16:00.000000+00:00', 'default', 'hard', 'invoice', 'pinned', 'performance', 'practice/careful', 'pinned', NULL, '', 0.000267, 2.115, 'held', NULL, NULL, NULL, 'cfa2b82c3e7f8fcb', '{}');
INSERT INTO public.decisions OVERRIDING SYSTEM VALUE VALUES (4, '01a215a8c11e4f91c424e3b7', '2026-11-20T12:51:00.000000+00:00', 'default', 'easy', 'invoice', 'cascade', 'efficiency', 'practice/small', 'accepted', NULL, '', 2.96e-05, 2.295, NULL, 0, 2, '2026-11-20T10:38:00.000000+00:00', 'cfa2b82c3e7f8fcb', '{}');
INSERT INTO public.decisions OVERRIDING SYSTEM VALUE VALUES (5, '01a215a8c1369bf578124da5', '2026-11-20T13:40:00.000000+00:00', 'default', 'odd', 'invoice', 'cascade', NULL, NULL, 'rejected', 'schema', 'answer: lacks one of ["number", "total"]', 0.0002666, 2.625, 'created', 1, 1, '2026-11-20T13:40:00.000000+00:00', 'cfa2b82c3e7f8fcb', '{}');
INSERT INTO public.latencies VALUES ('2026-11-20T10', 'invoice', 'accepted', 28, 1);
INSERT INTO public.latencies VALUES ('2026-11-20T11', 'invoice', 'fallback', 28, 1);
INSERT INTO public.latencies VALUES ('2026-11-20T12', 'invoice', 'pinned', 9, 1);
INSERT INTO public.latencies VALUES ('2026-11-20T12', 'invoice', 'accepted', 10, 1);
INSERT INTO public.latencies VALUES ('2026-11-20T13', 'invoice', 'rejected', 12, 1);
INSERT INTO public.payloads VALUES ('01a215a8c08c1d3ad2cb002f', 'input', '[{"role": "user", "content": "Invoice A-1, total 12.50"}]');
INSERT INTO public.payloads VALUES ('01a215a8c08c1d3ad2cb002f', 'answer.1.efficiency', '{"number": "A-1", "total": 12.5}');
INSERT INTO public.payloads VALUES ('01a215a8c0ecbc045ff2ea0e', 'input', '[{"role": "user", "content": "Invoice A-1, total 12.50"}]');
INSERT INTO public.payloads VALUES ('01a215a8c0ecbc045ff2ea0e', 'answer.1.efficiency', '{"number": "A-1"}');
INSERT INTO public.payloads VALUES ('01a215a8c0ecbc045ff2ea0e', 'answer.2.performance', '{"number": "A-1", "total": 13}');
INSERT INTO public.payloads VALUES ('01a215a8c112c2a74f36968a', 'input', '[{"role": "user", "content": "Invoice A-1, total 12.50"}]');
INSERT INTO public.payloads VALUES ('01a215a8c112c2a74f36968a', 'answer.1.performance', '{"number": "A-1", "total": 13}');
INSERT INTO public.payloads VALUES ('01a215a8c11e4f91c424e3b7', 'input', '[{"role": "user", "content": "Invoice A-1, total 12.50"}]');
INSERT INTO public.payloads VALUES ('01a215a8c11e4f91c424e3b7', 'answer.1.efficiency', '{"number": "A-1", "total": 12.5}');
INSERT INTO public.payloads VALUES ('01a215a8c1369bf578124da5', 'input', '[{"role": "user", "content": "Invoice A-1, total 12.50"}]');
INSERT INTO public.payloads VALUES ('01a215a8c1369bf578124da5', 'answer.1.efficiency', '{"number": "A-1"}');
INSERT INTO public.payloads VALUES ('01a215a8c1369bf578124da5', 'answer.2.performance', '{"number": "A-1"}');
INSERT INTO public.pins VALUES ('hard', '', 'held', 'schema', 'schema', 'answer: lacks one of ["number", "total"]', '2026-11-20T12:09:00.000000+00:00', '2036-11-17T12:09:00.000000+00:00', 1, 0, 'practice/small', '01a215a8c0ecbc045ff2ea0e', 'default', '2026-11-20T12:44:00.000000+00:00', 1, 1, 2, 1, 0, NULL, NULL);
INSERT INTO public.pins VALUES ('odd', '', 'held', 'schema', 'schema', 'answer: lacks one of ["number", "total"]', '2026-11-20T14:22:00.000000+00:00', '2036-11-17T14:22:00.000000+00:00', 0, 0, 'practice/small', '01a215a8c1369bf578124da5', 'default', '2026-11-20T14:22:00.000000+00:00', 1, 1, 2, 2, 0, NULL, NULL);
INSERT INTO public.qualityroute_migrations OVERRIDING SYSTEM VALUE VALUES (1, 'first_tables', '2026-11-20T09:07:00.000000+00:00');
INSERT INTO public.qualityroute_migrations OVERRIDING SYSTEM VALUE VALUES (2, 'costs_of_peers', '2026-11-20T09:14:00.000000+00:00');
INSERT INTO public.qualityroute_migrations OVERRIDING SYSTEM VALUE VALUES (3, 'ground_truth', '2026-11-20T09:21:00.000000+00:00');
INSERT INTO public.qualityroute_migrations OVERRIDING SYSTEM VALUE VALUES (4, 'learned_capabilities', '2026-11-20T09:28:00.000000+00:00');
INSERT INTO public.qualityroute_migrations OVERRIDING SYSTEM VALUE VALUES (5, 'budgets', '2026-11-20T09:35:00.000000+00:00');
INSERT INTO public.qualityroute_migrations OVERRIDING SYSTEM VALUE VALUES (6, 'searches', '2026-11-20T09:42:00.000000+00:00');
INSERT INTO public.qualityroute_migrations OVERRIDING SYSTEM VALUE VALUES (7, 'keys', '2026-11-20T09:49:00.000000+00:00');
INSERT INTO public.qualityroute_migrations OVERRIDING SYSTEM VALUE VALUES (8, 'learned_routing', '2026-11-20T09:56:00.000000+00:00');
INSERT INTO public.qualityroute_migrations OVERRIDING SYSTEM VALUE VALUES (9, 'pruning', '2026-11-20T10:03:00.000000+00:00');
INSERT INTO public.qualityroute_migrations OVERRIDING SYSTEM VALUE VALUES (10, 'head_starts', '2026-11-20T10:10:00.000000+00:00');
INSERT INTO public.qualityroute_migrations OVERRIDING SYSTEM VALUE VALUES (11, 'exact_cache', '2026-11-20T10:17:00.000000+00:00');
INSERT INTO public.qualityroute_migrations OVERRIDING SYSTEM VALUE VALUES (12, 'cache_by_the_hour', '2026-11-20T10:24:00.000000+00:00');
INSERT INTO public.qualityroute_migrations OVERRIDING SYSTEM VALUE VALUES (13, 'semantic_cache', '2026-11-20T10:31:00.000000+00:00');
INSERT INTO public.tallies VALUES ('2026-11-20T10', 'invoice', 'cascade', 'accepted', '', 0, 1, 0, 1, '', 1, 0, 1, 9000000, 0, 1, 20600000, 0, 0, 0, 0, 1, 81, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO public.tallies VALUES ('2026-11-20T11', 'invoice', 'cascade', 'fallback', 'schema', 1, 1, 0, 0, 'created', 1, 0, 1, 8600000, 0, 0, 0, 0, 1, 267000000, 0, 0, 0, 1, 81, 267000000, 6561, 21627000000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO public.tallies VALUES ('2026-11-20T12', 'invoice', 'pinned', 'pinned', '', -1, 0, 0, 0, 'held', 1, 0, 0, 0, 0, 0, 0, 0, 1, 267000000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO public.tallies VALUES ('2026-11-20T12', 'invoice', 'cascade', 'accepted', '', 0, 2, 0, 1, '', 1, 0, 1, 9000000, 0, 1, 20600000, 0, 0, 0, 0, 1, 81, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO public.tallies VALUES ('2026-11-20T13', 'invoice', 'cascade', 'rejected', 'schema', 1, 1, 0, 0, 'created', 1, 0, 1, 8600000, 0, 0, 0, 0, 1, 258000000, 0, 0, 0, 1, 81, 258000000, 6561, 20898000000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO public.verdicts VALUES ('01a215a8c08c1d3ad2cb002f', 0, 0, 'form', 'accepted', NULL, '', NULL, '{}');
INSERT INTO public.verdicts VALUES ('01a215a8c08c1d3ad2cb002f', 0, 1, 'schema', 'accepted', NULL, '', NULL, '{}');
INSERT INTO public.verdicts VALUES ('01a215a8c08c1d3ad2cb002f', 0, 2, 'judge', 'accepted', NULL, '', 1, '{"yes": {"right": 1.0}, "threshold": 0.8, "evidence": {"right": ""}, "verdicts": 1, "with_logprobs": 0, "with_decisions": 0, "own": 0, "certified": false}');
INSERT INTO public.verdicts VALUES ('01a215a8c0ecbc045ff2ea0e', 0, 0, 'form', 'accepted', NULL, '', NULL, '{}');
INSERT INTO public.verdicts VALUES ('01a215a8c0ecbc045ff2ea0e', 0, 1, 'schema', 'rejected', 'schema', 'answer: lacks one of ["number", "total"]', NULL, '{}');
INSERT INTO public.verdicts VALUES ('01a215a8c0ecbc045ff2ea0e', 1, 0, 'form', 'accepted', NULL, '', NULL, '{}');
INSERT INTO public.verdicts VALUES ('01a215a8c0ecbc045ff2ea0e', 1, 1, 'schema', 'accepted', NULL, '', NULL, '{}');
INSERT INTO public.verdicts VALUES ('01a215a8c112c2a74f36968a', 0, 0, 'form', 'accepted', NULL, '', NULL, '{}');
INSERT INTO public.verdicts VALUES ('01a215a8c112c2a74f36968a', 0, 1, 'schema', 'accepted', NULL, '', NULL, '{}');
INSERT INTO public.verdicts VALUES ('01a215a8c11e4f91c424e3b7', 0, 0, 'form', 'accepted', NULL, '', NULL, '{}');
INSERT INTO public.verdicts VALUES ('01a215a8c11e4f91c424e3b7', 0, 1, 'schema', 'accepted', NULL, '', NULL, '{}');
INSERT INTO public.verdicts VALUES ('01a215a8c11e4f91c424e3b7', 0, 2, 'judge', 'accepted', NULL, '', 1, '{"yes": {"right": 1.0}, "threshold": 0.8, "evidence": {"right": ""}, "verdicts": 1, "with_logprobs": 0, "with_decisions": 0, "own": 0, "certified": false}');
INSERT INTO public.verdicts VALUES ('01a215a8c1369bf578124da5', 0, 0, 'form', 'accepted', NULL, '', NULL, '{}');
INSERT INTO public.verdicts VALUES ('01a215a8c1369bf578124da5', 0, 1, 'schema', 'rejected', 'schema', 'answer: lacks one of ["number", "total"]', NULL, '{}');
INSERT INTO public.verdicts VALUES ('01a215a8c1369bf578124da5', 1, 0, 'form', 'accepted', NULL, '', NULL, '{}');
INSERT INTO public.verdicts VALUES ('01a215a8c1369bf578124da5', 1, 1, 'schema', 'rejected', 'schema', 'answer: lacks one of ["number", "total"]', NULL, '{}');
SELECT pg_catalog.setval('public.audits_rowid_seq', 1, false);
SELECT pg_catalog.setval('public.cache_hits_rowid_seq', 1, false);
SELECT pg_catalog.setval('public.cache_likenings_rowid_seq', 1, false);
SELECT pg_catalog.setval('public.cache_rowid_seq', 1, false);
SELECT pg_catalog.setval('public.cache_vectors_rowid_seq', 1, false);
SELECT pg_catalog.setval('public.certificates_rowid_seq', 1, false);
SELECT pg_catalog.setval('public.decisions_rowid_seq', 5, true);
SELECT pg_catalog.setval('public.forecasts_rowid_seq', 1, false);
SELECT pg_catalog.setval('public.horizons_rowid_seq', 1, false);
SELECT pg_catalog.setval('public.keys_rowid_seq', 1, false);
SELECT pg_catalog.setval('public.looks_rowid_seq', 1, false);
SELECT pg_catalog.setval('public.qualityroute_migrations_rowid_seq', 13, true);
SELECT pg_catalog.setval('public.qualityroute_writers_rowid_seq', 6, true);
SELECT pg_catalog.setval('public.secrets_rowid_seq', 1, false);
SELECT pg_catalog.setval('public.turns_rowid_seq', 1, false);
ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (decision_id, attempt);
ALTER TABLE ONLY public.audits
    ADD CONSTRAINT audits_pkey PRIMARY KEY (decision_id);
ALTER TABLE ONLY public.baselines
    ADD CONSTRAINT baselines_pkey PRIMARY KEY (task, input_id, origin);
ALTER TABLE ONLY public.cache_hits
    ADD CONSTRAINT cache_hits_pkey PRIMARY KEY (decision_id);
ALTER TABLE ONLY public.cache_likening_sums
    ADD CONSTRAINT cache_likening_sums_pkey PRIMARY KEY (hour, task, fate);
ALTER TABLE ONLY public.cache_likenings
    ADD CONSTRAINT cache_likenings_pkey PRIMARY KEY (decision_id);
ALTER TABLE ONLY public.cache
    ADD CONSTRAINT cache_pkey PRIMARY KEY (tenant, session, task, key, tier);
ALTER TABLE ONLY public.cache_savings
    ADD CONSTRAINT cache_savings_pkey PRIMARY KEY (hour, task);
ALTER TABLE ONLY public.cache_vectors
    ADD CONSTRAINT cache_vectors_pkey PRIMARY KEY (decision_id);
ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_pkey PRIMARY KEY (decision_id, attempt, "position");
ALTER TABLE ONLY public.capabilities
    ADD CONSTRAINT capabilities_pkey PRIMARY KEY (base_url, model, name);
ALTER TABLE ONLY public.cells
    ADD CONSTRAINT cells_pkey PRIMARY KEY (task, model, fingerprint, band);
ALTER TABLE ONLY public.certificates
    ADD CONSTRAINT certificates_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT decisions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.forecasts
    ADD CONSTRAINT forecasts_pkey PRIMARY KEY (decision_id);
ALTER TABLE ONLY public.horizons
    ADD CONSTRAINT horizons_pkey PRIMARY KEY (task);
ALTER TABLE ONLY public.keys
    ADD CONSTRAINT keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.labels
    ADD CONSTRAINT labels_pkey PRIMARY KEY (decision_id, origin);
ALTER TABLE ONLY public.latencies
    ADD CONSTRAINT latencies_pkey PRIMARY KEY (hour, task, outcome, step);
ALTER TABLE ONLY public.payloads
    ADD CONSTRAINT payloads_pkey PRIMARY KEY (decision_id, kind);
ALTER TABLE ONLY public.pins
    ADD CONSTRAINT pins_pkey PRIMARY KEY (tenant, session, task);
ALTER TABLE ONLY public.qualityroute_migrations
    ADD CONSTRAINT qualityroute_migrations_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.qualityroute_writers
    ADD CONSTRAINT qualityroute_writers_pkey PRIMARY KEY (writer);
ALTER TABLE ONLY public.regressions
    ADD CONSTRAINT regressions_pkey PRIMARY KEY (task, model, fingerprint);
ALTER TABLE ONLY public.reservations
    ADD CONSTRAINT reservations_pkey PRIMARY KEY (scope, tenant, name, day, id);
ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.spending
    ADD CONSTRAINT spending_pkey PRIMARY KEY (scope, tenant, name, day);
ALTER TABLE ONLY public.tallies
    ADD CONSTRAINT tallies_pkey PRIMARY KEY (hour, task, route, outcome, reason, failed, session_attempt, caught, judged, pin);
ALTER TABLE ONLY public.turns
    ADD CONSTRAINT turns_pkey PRIMARY KEY (work);
ALTER TABLE ONLY public.verdicts
    ADD CONSTRAINT verdicts_pkey PRIMARY KEY (decision_id, attempt, "position");
CREATE INDEX audits_of_certificate ON public.audits USING btree (certificate, at);
CREATE INDEX audits_of_task ON public.audits USING btree (task, at);
CREATE INDEX baselines_of_input ON public.baselines USING btree (task, input_key);
CREATE INDEX cache_likenings_by_task ON public.cache_likenings USING btree (task, fingerprint, at);
CREATE INDEX cache_until ON public.cache USING btree (until);
CREATE INDEX cache_vectors_by_space ON public.cache_vectors USING btree (tenant, session, task, space, at);
CREATE INDEX cache_vectors_until ON public.cache_vectors USING btree (until);
CREATE INDEX certificates_of_task ON public.certificates USING btree (task, at);
CREATE INDEX decisions_at ON public.decisions USING btree (at);
CREATE INDEX decisions_by_outcome ON public.decisions USING btree (outcome, at);
CREATE INDEX decisions_by_reason ON public.decisions USING btree (reason, at) WHERE (reason IS NOT NULL);
CREATE INDEX decisions_by_task ON public.decisions USING btree (task, at);
CREATE INDEX decisions_of_sessions ON public.decisions USING btree (session, at) WHERE (session IS NOT NULL);
CREATE INDEX decisions_session_attempts ON public.decisions USING btree (tenant, session, task, session_attempt, failed) WHERE ((session IS NOT NULL) AND (session_attempt IS NOT NULL));
CREATE INDEX decisions_session_starts ON public.decisions USING btree (task, session_started, session_attempt, failed) WHERE (session_attempt IS NOT NULL);
CREATE INDEX forecasts_by_task ON public.forecasts USING btree (task, at);
CREATE UNIQUE INDEX keys_by_digest ON public.keys USING btree (digest);
CREATE UNIQUE INDEX keys_in_force_by_name ON public.keys USING btree (name) WHERE (revoked_at IS NULL);
CREATE INDEX labels_of_task ON public.labels USING btree (task, pipeline, at);
CREATE INDEX looks_of_pipeline ON public.looks USING btree (task, pipeline, at);
CREATE INDEX reservations_by_expiry ON public.reservations USING btree (expires);
CREATE INDEX verdicts_of_judges_in_trouble ON public.verdicts USING btree (decision_id) WHERE (reason = 'judge_error'::text);
