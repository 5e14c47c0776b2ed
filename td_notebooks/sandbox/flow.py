"""What the Studio flow did with a call before an agent had it."""

from __future__ import annotations

from collections.abc import Iterator

from .record import Call

FLOW = "Main line, opening hours"

#: Component, step, exit, begin, seconds.
Step = tuple[str, str, str, float, float]


def flow_steps(call: Call, ring_groups: tuple[str, ...]) -> Iterator[Step]:
    """Yield what the flow did with a call: component, step, exit, begin, seconds."""
    contact = call.contacts[0]
    begin = call.start

    def step(component: str, name: str, way_out: str, length: float) -> Step:
        nonlocal begin
        begin += length
        return component, name, way_out, begin - length, length

    start, hours, greeting, *menus = call.steps
    yield step("Incoming call", "Initial step", "ok", start)
    yield step("Business hours", "Open?", "open" if call.open else "closed", hours)
    yield step("Play audio", "Welcome" if call.open else "Closed message", "ok", greeting)
    for key, length in zip(call.choices.split(","), menus, strict=False):
        known = int(key) <= len(ring_groups)
        yield step(
            "Keypad menu", "Menu", ring_groups[int(key) - 1] if known else "no_match", length
        )
    if call.open:
        until = contact.answered if contact.callback_at is None else contact.callback_at
        way_out = "callback" if contact.callback_at is not None else _QUEUE_EXITS[contact.outcome]
        yield step("Assignment and dial", "Queue", way_out, until - begin)
    if contact.outcome == "Voicemail":
        yield step("Voicemail", "Leave a message", "ok", call.end - begin)


_QUEUE_EXITS = {
    "Answered": "success",
    "Missed": "no_answer",
    "Abandoned": "call_aborted",
    "Short Abandoned": "call_aborted",
    "Voicemail": "time_limit_reached",
}
