"""Probes: what replies show of an endpoint, what the client learns from it, and the calls that go out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from asking import KEY, NOW, SCHEMA, ask, made, served
from fault_server import Play, completion, failing
from hypothesis import given
from hypothesis import strategies as st
from whole_model import WORDS, Script, refusing, stream_of, whole, without

from qualityroute.client import Capability
from qualityroute.openai_client.complaints import Speaker
from qualityroute.openai_client.findings import Finding, Lessons, Standing, answers, is_gone, lessons, limit_field
from qualityroute.openai_client.judgements import Heard
from qualityroute.openai_client.ladder import Rung
from qualityroute.openai_client.probes import CALLS, PROBES, most_usage
from qualityroute.openai_client.replies import understand
from qualityroute.openai_client.streams import events
from qualityroute.openai_client.trouble import Reply

SPEAKER = Speaker("test/model", "test", "the environment variable 'TEST_KEY'", KEY)
NAMES = [probe.name for probe in PROBES]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES_IN_REPLIES = """
choices message content tool_calls function name arguments logprobs top_logprobs logprob usage completion_tokens
finish_reason error refusal delta
"""
FIELDS = st.sampled_from(NAMES_IN_REPLIES.split())
LIKELY = st.recursive(
    JSON | st.sampled_from(["stop", "length", "note_tint", '{"qx_tint": "blorange"}']),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=20,
)


def heard(body: Any, status: int = 200) -> Heard:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Heard(understand(Reply(status, content), SPEAKER, NOW), content)


def found(name: str, *bodies: Any, status: int = 200, plain_works: bool = True) -> Finding:
    probe = PROBES[NAMES.index(name)]
    return probe.found([heard(body, status) for body in bodies], plain_works=plain_works)


def standing(name: str, *bodies: Any) -> str:
    return found(name, *bodies).standing.value


def cut(content: str | None, **message: Any) -> dict[str, Any]:
    answer = completion(content, **message)
    answer["choices"][0]["finish_reason"] = "length"
    return answer


def called(arguments: str, name: str = "note_tint") -> dict[str, Any]:
    return completion(None, tool_calls=[{"id": "1", "function": {"name": name, "arguments": arguments}}])


def logged(tokens: Any) -> dict[str, Any]:
    answer = completion("red")
    answer["choices"][0]["logprobs"] = tokens
    return answer


def uncounted(content: str) -> dict[str, Any]:
    return {name: value for name, value in completion(content).items() if name != "usage"}


def spent(tokens: int) -> dict[str, Any]:
    return {**completion("one two"), "usage": {"prompt_tokens": 3, "completion_tokens": tokens}}


TINT = '{"qx_tint": "blorange"}'


class TestJudgements:
    def test_an_answer_without_usage_is_an_answer_that_says_so(self) -> None:
        assert found("answers", uncounted("red")) == Finding(
            "answers", Standing.HONOURED, "without usage, so that tokens are estimated"
        )

    @pytest.mark.parametrize(
        ("first", "second", "told"),
        [
            (completion(TINT), completion(TINT), "honoured"),
            (completion(TINT), completion("red"), "ignored"),
            (completion('{"qx_tint": "red"}'), completion(TINT), "ignored"),
            (completion('{"qx_tint": "blorange", "more": 1}'), completion(TINT), "ignored"),
            (completion(f"```json\n{TINT}\n```"), completion(TINT), "ignored"),
            (cut('{"qx_t'), completion(TINT), "unknown"),
            (cut('{"qx_t'), completion("red"), "ignored"),
        ],
    )
    def test_a_schema_is_honoured_only_when_every_answer_follows_it(self, first: Any, second: Any, told: str) -> None:
        assert standing("json_schema", first, second) == told

    @pytest.mark.parametrize(
        ("content", "told"), [('{"a": 1}', "honoured"), ("[1]", "ignored"), ("red", "ignored"), ("", "ignored")]
    )
    def test_only_an_object_honours_json_object(self, content: str, told: str) -> None:
        assert standing("json_object", completion(content)) == told

    @pytest.mark.parametrize(
        ("reply", "told"),
        [
            (called(TINT), "honoured"),
            (called(TINT, "other"), "ignored"),
            (called("{}"), "ignored"),
            (called("{"), "ignored"),
            (completion("red"), "ignored"),
            (cut("red"), "ignored"),
            (cut(None), "unknown"),
        ],
    )
    def test_a_forced_tool_must_be_called_by_its_name_and_schema(self, reply: Any, told: str) -> None:
        assert standing("tools", reply) == told

    @pytest.mark.parametrize(
        ("reply", "told"),
        [
            (cut("one"), "honoured"),
            (spent(17), "ignored"),
            (spent(16), "accepted"),
            (uncounted(WORDS), "ignored"),
            (completion(WORDS), "ignored"),
            (uncounted("one"), "accepted"),
        ],
    )
    def test_a_limit_is_honoured_when_it_cut_and_ignored_when_more_came(self, reply: Any, told: str) -> None:
        assert standing("max_tokens", reply) == told

    @pytest.mark.parametrize(
        ("tokens", "told"),
        [
            ({"content": [{"top_logprobs": [{"logprob": -1}]}]}, "honoured"),
            ({"content": [{"top_logprobs": [{"logprob": -1}]}, {"top_logprobs": []}]}, "ignored"),
            ({"content": [{"logprob": -1}]}, "ignored"),
            ({"content": [{"top_logprobs": [{"logprob": float("nan")}, {"logprob": True}]}]}, "ignored"),
            ({"content": []}, "ignored"),
            (None, "ignored"),
        ],
    )
    def test_log_probabilities_need_alternatives_at_each_token(self, tokens: Any, told: str) -> None:
        assert standing("logprobs", logged(tokens)) == told

    def test_thoughts_that_use_up_the_tokens_show_nothing(self) -> None:
        for name in NAMES[3:]:
            if name not in ("temperature", "stream usage"):
                assert standing(name, *[cut("")] * len(PROBES[NAMES.index(name)].asks)) == "unknown"

    @pytest.mark.parametrize(
        ("texts", "told"), [("aab", "honoured"), ("aaa", "accepted"), ("aba", "ignored"), ("abc", "ignored")]
    )
    def test_a_seed_is_shown_by_what_another_seed_changes(self, texts: str, told: str) -> None:
        assert standing("seed", *map(completion, texts)) == told

    @pytest.mark.parametrize(
        ("reply", "told"),
        [
            (stream_of(usage=True), "honoured"),
            (stream_of(usage=True).replace(b"\n", b"\r\n"), "honoured"),
            (stream_of(usage=False), "ignored"),
            (completion("red"), "ignored"),
            (b'data: {"error": {"message": "no"}}\n\n', "unknown"),
            (b'data: {"hello": 1}\n\n', "unknown"),
            (b"<html>", "unknown"),
            (b"data: [DONE]\n\n", "unknown"),
        ],
    )
    def test_a_stream_is_honoured_when_it_counts_its_tokens(self, reply: Any, told: str) -> None:
        assert standing("stream usage", reply) == told

    def test_a_system_message_is_honoured_when_only_it_explains_the_answer(self) -> None:
        assert standing("system role", completion("Zanzibar!")) == "honoured"
        assert standing("system role", completion("Paris")) == "ignored"

    @pytest.mark.parametrize("status", [400, 422])
    def test_a_refusal_is_known_by_its_words_or_by_the_plain_call_that_works(self, status: int) -> None:
        named, vague = {"error": {"message": "seed is unsupported"}}, {"error": {"message": "no"}}
        assert found("seed", named, status=status, plain_works=False).standing is Standing.REFUSED
        assert found("seed", vague, status=status, plain_works=True).standing is Standing.REFUSED
        assert found("seed", vague, status=status, plain_works=False).standing is Standing.UNKNOWN

    @pytest.mark.parametrize("status", [404, 501])
    def test_a_router_without_an_endpoint_for_a_parameter_refuses_it_once_the_plain_call_works(
        self, status: int
    ) -> None:
        body = {"error": {"message": "No endpoints found that support tool use"}}
        assert found("tools", body, status=status).standing is Standing.REFUSED
        without_plain = found("tools", body, status=status, plain_works=False)
        assert (without_plain.standing, without_plain.silent) == (Standing.UNKNOWN, True)

    @pytest.mark.parametrize("status", [302, 401, 402, 403, 408, 429, 500, 503])
    def test_an_endpoint_in_trouble_refuses_nothing(self, status: int) -> None:
        finding = found("seed", {"error": {"message": "seed is unsupported"}}, status=status)
        assert (finding.standing, finding.silent) == (Standing.UNKNOWN, True)

    @given(st.sampled_from(PROBES), LIKELY | st.binary(max_size=60), st.sampled_from([200, 204, 302, 400, 422, 500]))
    def test_no_reply_crashes_a_judgement(self, probe: Any, body: Any, status: int) -> None:
        finding = probe.found([heard(body, status)] * len(probe.asks), plain_works=True)
        assert finding.probe == probe.name
        assert "\n" not in finding.reason

    @given(st.lists(st.sampled_from(PROBES), min_size=1, max_size=1), LIKELY, LIKELY)
    def test_no_message_crashes_a_judgement(self, probes: Any, message: Any, logprobs: Any) -> None:
        (probe,) = probes
        reply = {"choices": [{"message": message, "logprobs": logprobs, "finish_reason": "length"}]}
        assert probe.found([heard(reply)] * len(probe.asks), plain_works=False).probe == probe.name

    @given(
        st.binary() | st.lists(JSON).map(lambda them: b"".join(b"data: %b\n\n" % json.dumps(x).encode() for x in them))
    )
    def test_any_bytes_have_events(self, content: bytes) -> None:
        assert all(isinstance(event, dict) for event in events(content))

    def test_an_event_may_have_several_lines_of_data(self) -> None:
        assert events(b': hi\nevent: x\ndata: {"a":\ndata: 1}\n\ndata:{"b": 2}') == [{"a": 1}, {"b": 2}]


def finding(name: str, standing: str, *, silent: bool = False) -> Finding:
    return Finding(name, Standing(standing), silent=silent)


class TestLessons:
    @pytest.mark.parametrize(
        ("schema", "plain_object", "rung"),
        [
            ("honoured", "ignored", Rung.JSON_SCHEMA),
            ("ignored", "honoured", Rung.JSON_OBJECT),
            ("refused", "unknown", Rung.JSON_OBJECT),
            ("refused", "refused", Rung.PROMPT),
            ("ignored", "ignored", Rung.PROMPT),
            ("unknown", "honoured", None),
        ],
    )
    def test_the_rung_is_the_strictest_that_was_obeyed(self, schema: str, plain_object: str, rung: Rung | None) -> None:
        seen = [finding("json_schema", schema), finding("json_object", plain_object)]
        assert lessons("test", seen).rung == rung

    @pytest.mark.parametrize(
        ("provider", "old", "new", "field"),
        [
            ("test", "honoured", "honoured", "max_tokens"),
            ("test", "refused", "honoured", "max_completion_tokens"),
            ("test", "refused", "unknown", "max_completion_tokens"),
            ("test", "ignored", "honoured", "max_completion_tokens"),
            ("test", "ignored", "ignored", "max_tokens"),
            ("test", "unknown", "unknown", "max_tokens"),
            ("test", "unknown", "accepted", "max_completion_tokens"),
            ("openai", "honoured", "honoured", "max_completion_tokens"),
            ("openai", "honoured", "refused", "max_tokens"),
            ("test", "refused", "refused", None),
        ],
    )
    def test_the_limit_is_sent_in_the_field_that_limits(
        self, provider: str, old: str, new: str, field: str | None
    ) -> None:
        seen = [finding("max_tokens", old), finding("max_completion_tokens", new)]
        assert limit_field(provider, seen) == field

    def test_what_stayed_unknown_teaches_nothing(self) -> None:
        assert lessons("test", [finding(name, "unknown") for name in NAMES]) == Lessons()

    @given(st.lists(st.builds(Finding, st.sampled_from(NAMES), st.sampled_from(Standing), st.just(""), st.booleans())))
    def test_never_are_both_limits_taken_away(self, seen: list[Finding]) -> None:
        steps = lessons("test", seen).steps
        assert not (steps.get("max_tokens") and steps.get("max_completion_tokens"))

    def test_an_endpoint_is_gone_without_a_plain_answer_or_after_two_silences(self) -> None:
        down, up = finding("seed", "unknown", silent=True), finding("seed", "honoured")
        assert not is_gone([down, down])
        assert is_gone([down, down, finding("answers", "unknown", silent=True)])
        assert not is_gone([finding("answers", "honoured"), down])
        assert is_gone([finding("answers", "honoured"), down, down])
        assert not is_gone([finding("answers", "honoured"), down, up])


class Notebook:
    """Keeps capabilities as a store does."""

    def __init__(self, **known: str) -> None:
        self.kept: dict[str, Capability] = {}
        for name, value in known.items():
            step = name.replace("_", " ")
            self.kept[step] = Capability("test", "", "model", step, value, NOW)

    async def capabilities(self, base_url: str, model: str) -> list[Capability]:
        return list(self.kept.values())

    async def learn(self, capability: Capability) -> None:
        self.kept[capability.name] = capability

    @property
    def values(self) -> dict[str, str]:
        return {name: known.value for name, known in self.kept.items()}


async def standings(script: Script | Play, memory: Notebook | None = None, **settings: Any) -> dict[str, str]:
    async with served(script, memory=memory, **settings) as (client, _):
        return {finding.probe: finding.standing.value for finding in await client.probe("test", "model")}


@pytest.mark.anyio
@pytest.mark.usefixtures("plain_loopback")
class TestProbing:
    async def test_a_model_that_does_everything_is_told_so(self) -> None:
        told = await standings(whole)
        assert told == dict.fromkeys(NAMES, "honoured") | {"temperature": "accepted"}

    @pytest.mark.parametrize(
        ("fields", "probes"),
        [
            (("response_format",), {"json_schema", "json_object"}),
            (("tools", "tool_choice"), {"tools"}),
            (("logprobs", "top_logprobs"), {"logprobs"}),
            (("stream_options",), {"stream usage"}),
            (("stream",), {"stream usage"}),
            (("max_completion_tokens",), {"max_completion_tokens"}),
        ],
    )
    async def test_what_is_accepted_and_not_done_is_ignored(self, fields: tuple[str, ...], probes: set[str]) -> None:
        told = await standings(without(*fields))
        assert {name for name, standing in told.items() if standing == "ignored"} == probes

    @pytest.mark.parametrize("status", [400, 422])
    @pytest.mark.parametrize(
        "field", ["tools", "logprobs", "seed", "temperature", "stream", "max_tokens", "max_completion_tokens"]
    )
    async def test_a_refused_field_costs_no_other_probe(self, field: str, status: int) -> None:
        told = await standings(refusing(field, status=status))
        refused = {name for name, standing in told.items() if standing == "refused"}
        assert refused == {"stream usage" if field == "stream" else field}
        assert set(told.values()) <= {"honoured", "accepted", "refused"}

    async def test_what_was_refused_is_not_asked_again(self) -> None:
        async with served(refusing("seed")) as (client, server):
            await client.probe("test", "model")
        assert sum("seed" in body for body in server.bodies) == 1

    async def test_a_vague_refusal_of_a_limit_is_probed_round_and_teaches_nothing(self) -> None:
        memory = Notebook()
        told = await standings(lambda body: failing(400) if "max_tokens" in body else whole(body), memory)
        assert (told["max_tokens"], told["answers"], told["tools"]) == ("unknown", "honoured", "honoured")
        assert "max_completion_tokens" not in memory.kept

    async def test_a_model_that_refuses_both_limits_is_probed_without(self) -> None:
        async with served(refusing("max_tokens", "max_completion_tokens")) as (client, server):
            found = await client.probe("test", "model")
        assert answers(found)
        assert not any("max_tokens" in body for body in server.bodies[2:])

    async def test_probes_send_what_the_client_has_learned_to_leave_out(self) -> None:
        memory = Notebook(no_temperature="yes", no_seed="yes")
        async with served(whole, memory=memory) as (client, server):
            await client.probe("test", "model")
            assert any("temperature" in body for body in server.bodies)
            await client.complete(ask(temperature=0.0))
        assert server.bodies[-1]["temperature"] == 0.0

    async def test_the_client_starts_on_what_probing_found(self) -> None:
        memory = Notebook()
        script = refusing("max_tokens", "temperature", script=without("response_format"))
        async with served(script, memory=memory) as (client, server):
            await client.probe("test", "model")
            async with made(server.url, memory=memory) as later:
                answer = await later.complete(ask(response_schema=SCHEMA, temperature=0.0, max_output_tokens=50))
        assert answer.retries == 0
        assert "response_format" not in server.bodies[-1]
        assert server.bodies[-1]["max_completion_tokens"] == 50
        assert memory.values["structured output"] == "prompt"
        assert memory.values["probe: temperature"].startswith("refused: ")
        assert {known.at for known in memory.kept.values()} == {NOW}

    async def test_a_rung_that_was_left_is_climbed_again_where_the_endpoint_improved(self) -> None:
        memory = Notebook(structured_output="prompt")
        await standings(whole, memory)
        assert memory.values["structured output"] == "json_schema"
        bare = Notebook(structured_output="json_schema, bare")
        await standings(whole, bare)
        assert bare.values["structured output"] == "json_schema, bare"

    async def test_an_endpoint_that_closes_is_not_asked_everything(self) -> None:
        async with served(Play(cut=-1)) as (client, server):
            found = await client.probe("test", "model")
        assert {finding.standing for finding in found} == {Standing.UNKNOWN}
        assert len(server.requests) == 3
        assert "not asked" in found[-1].reason

    async def test_an_endpoint_that_hangs_is_given_up_on(self) -> None:
        async with served(Play(completion(), delay=3_600), timeout=timedelta(seconds=0.2)) as (client, server):
            found = await client.probe("test", "model")
        assert found[0].reason == "no answer within 0.2 s"
        assert len(server.requests) == 3

    async def test_a_stream_without_an_end_is_unknown_and_the_rest_goes_on(self) -> None:
        def play(body: Mapping[str, Any]) -> Play:
            return Play(stream_of(usage=True), trickle=3_600) if "stream" in body else whole(body)

        told = await standings(play, timeout=timedelta(seconds=1))
        assert told["stream usage"] == "unknown"
        assert told["system role"] == "honoured"

    @pytest.mark.parametrize(
        "play", [Play("<html>"), Play(b"\xff"), Play({"choices": []}), Play({"error": {"message": "no"}}), Play([])]
    )
    async def test_a_200_that_makes_no_sense_is_no_answer(self, play: Play) -> None:
        assert set((await standings(play)).values()) == {"unknown"}

    async def test_a_key_that_a_provider_repeats_is_not_shown(self) -> None:
        memory = Notebook()
        async with served(failing(401, f"wrong key {KEY}"), memory=memory) as (client, _):
            found = await client.probe("test", "model")
        assert KEY not in str(found) + str(memory.values)
        assert "[key]" in found[0].reason

    async def test_no_more_calls_go_out_than_were_told(self) -> None:
        async with served(whole) as (client, server):
            await client.probe("test", "model")
        assert len(server.requests) == CALLS
        usage = most_usage("test", "model")
        sent = sum(-(-len(request.content) // 4) for request in server.requests)
        assert usage.input_tokens == sent
        assert usage.output_tokens is not None
        assert usage.output_tokens < 1_500
