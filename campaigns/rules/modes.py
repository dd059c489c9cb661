"""A dialing mode is a frozen row of policy fields. The flow reads the fields and never asks which mode it is.

What happens when a step fails is a field too; `impossible(mode)` tells which combinations cannot be saved. To add a mode, add a row.
"""

from dataclasses import dataclass, fields, replace
from enum import StrEnum

from agents.rules.lifecycle import Phase
from dialer_project.lib.sentence import say


class Delivery(StrEnum):
    PULL = "pull"  # the agent asks for a record
    PUSH = "push"  # a ready agent is given one
    ON_ANSWER = "on_answer"  # nobody is given anything until a customer answers


class Needs(StrEnum):
    """What an agent must have switched on to be given work."""

    VOICE = "voice"
    PREVIEW = "preview"
    JOINED = "joined"  # only the Get Record / Stop toggle counts


class Joining(StrEnum):
    """How an agent comes to take part."""

    AUTOMATIC = "automatic"
    ON_NOTICE = "on_notice"  # by the OK of the notice; who is not signed in when it starts takes part by itself
    EXPLICIT = "explicit"


class Trigger(StrEnum):
    """What starts the dial once the record is with the agent."""

    AGENT = "agent"
    TIMER = "timer"
    ACCEPT = "accept"
    SYSTEM = "system"


class FirstLeg(StrEnum):
    AGENT = "agent"
    CUSTOMER = "customer"


class Binding(StrEnum):
    BEFORE_DIAL = "before_dial"
    ON_ANSWER = "on_answer"


class Pacing(StrEnum):
    ONE = "one"  # one call for each free agent
    RATIO = "ratio"
    FORECAST = "forecast"


class Source(StrEnum):
    LIST = "list"
    MISSED_CALLS = "missed_calls"


class OnAgentMissed(StrEnum):
    """The agent did not answer their phone or the offer, or rejected it: what becomes of agent and lead."""

    NOT_READY_LEAD_TO_TOP = "not_ready_lead_to_top"
    NOT_READY_LEAD_RETRY = "not_ready_lead_retry"
    READY_LEAD_TO_TOP = "ready_lead_to_top"
    READY_LEAD_RETRY = "ready_lead_retry"


class OnAgentLost(StrEnum):
    """The agent vanished while their customer was being dialed."""

    REBIND_ELSE_CANCEL = "rebind_else_cancel"  # another free agent, else hang up once the minimum ring time allows
    CANCEL = "cancel"


class OnDialRefused(StrEnum):
    STAY = "stay"  # the record stays on the screen with the reason
    NEXT_NUMBER = "next_number"
    CLOSE = "close"


class AfterUnreached(StrEnum):
    """The customer was not reached: what the agent sees next."""

    NEXT_RECORD = "next_record"
    STAY = "stay"
    NEXT_NUMBER = "next_number"


class OnPreviewTimeout(StrEnum):
    DIAL = "dial"
    RETURN = "return"
    DECLINE = "decline"
    NONE = "none"


class AgentConfirms(StrEnum):
    """How the agent says they are there, before a customer is dialed for them or put through."""

    NOTHING = "nothing"
    LEG_ANSWER = "leg_answer"
    ACCEPT = "accept"
    DIGIT = "digit"


class Alert(StrEnum):
    """When agents are alerted and may say no, where their campaign does not have calls answered for them."""

    BEFORE_DIAL = "before_dial"  # whatever the campaign says: by the offer, the preview or their own phone, which comes first
    WITH_DIAL = "with_dial"
    AT_ANSWER = "at_answer"


class NumberChoice(StrEnum):
    SYSTEM = "system"
    AGENT = "agent"


class DoneNeeds(StrEnum):
    """What must have become of a record before it may be marked Done without a call."""

    NOTHING = "nothing"
    PROCESSED = "processed"  # called, a callback scheduled, or not to be called: only then is there a next one


class NoCallback(StrEnum):
    """What "Do not call back" means."""

    PERIOD = "period"  # left alone for the campaign's no-callback period, then called as usual
    FINISHED = "finished"  # the callback is not required: that was all there was to do


class DispositionFor(StrEnum):
    ALL = "all"
    ANSWERED = "answered"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Mode:
    key: str
    label: str
    opens_in: Phase
    delivery: Delivery
    needs: Needs
    joining: Joining
    triggers: frozenset[Trigger]
    first_leg: FirstLeg
    binding: Binding
    pacing: Pacing
    source: Source
    callback_opens_in: Phase
    callback_needs: Needs  # what must be switched on to be given a callback unasked
    on_agent_missed: OnAgentMissed
    on_reject: OnAgentMissed
    on_agent_lost: OnAgentLost
    on_dial_refused: OnDialRefused
    after_unreached: AfterUnreached
    on_preview_timeout: OnPreviewTimeout
    agent_confirms: AgentConfirms
    alert: Alert
    number_choice: NumberChoice
    disposition_for: DispositionFor
    done_needs: DoneNeeds = DoneNeeds.NOTHING
    no_callback: NoCallback = NoCallback.PERIOD
    delivery_mode_label: str = "Automatic"  # the console's Delivery Mode column says Manual or Automatic
    get_label: str = "Get Record"

    @property
    def reserves_before_dial(self) -> bool:
        return self.binding is Binding.BEFORE_DIAL

    @property
    def dispatches(self) -> bool:
        """Whether records are given to agents unasked."""
        return self.delivery is Delivery.PUSH

    @property
    def has_a_list(self) -> bool:
        """Whether its leads come from calling lists, and so come to an end."""
        return self.source is Source.LIST

    @property
    def pushes_callbacks(self) -> bool:
        """Whether a callback comes to its agent unasked."""
        return self.callback_opens_in is not Phase.PREVIEW

    @property
    def accept_dials(self) -> bool:
        """Whether accepting an offer dials, without a preview first."""
        return Trigger.ACCEPT in self.triggers

    @property
    def stays(self) -> bool:
        """Whether a record whose customer was not reached stays on its agent's screen."""
        return self.after_unreached is AfterUnreached.STAY

    @property
    def answers_by_itself(self) -> bool:
        """Whether a campaign may have its calls put through to agents unasked."""
        return self.alert is not Alert.BEFORE_DIAL

    @property
    def dials_at_dispatch(self) -> bool:
        """Whether dispatch itself dials the customer, the record never waiting on a screen first."""
        return Trigger.SYSTEM in self.triggers and self.first_leg is FirstLeg.CUSTOMER


_PREVIEW = Mode(
    key="preview",
    label=say("Preview"),
    opens_in=Phase.PREVIEW,
    delivery=Delivery.PULL,
    needs=Needs.JOINED,
    joining=Joining.AUTOMATIC,
    triggers=frozenset({Trigger.AGENT, Trigger.TIMER}),
    first_leg=FirstLeg.AGENT,
    binding=Binding.BEFORE_DIAL,
    pacing=Pacing.ONE,
    source=Source.LIST,
    callback_opens_in=Phase.OFFERED,
    callback_needs=Needs.PREVIEW,
    on_agent_missed=OnAgentMissed.NOT_READY_LEAD_TO_TOP,
    on_reject=OnAgentMissed.READY_LEAD_TO_TOP,
    on_agent_lost=OnAgentLost.CANCEL,
    on_dial_refused=OnDialRefused.STAY,
    after_unreached=AfterUnreached.STAY,
    on_preview_timeout=OnPreviewTimeout.DIAL,
    agent_confirms=AgentConfirms.LEG_ANSWER,
    alert=Alert.BEFORE_DIAL,
    number_choice=NumberChoice.AGENT,
    disposition_for=DispositionFor.ALL,
    delivery_mode_label="Manual",
)

_AGENT_FIRST = Mode(
    key="agent_first",
    label=say("Agent first"),
    opens_in=Phase.RINGING_AGENT,
    delivery=Delivery.PUSH,
    needs=Needs.VOICE,
    joining=Joining.AUTOMATIC,
    triggers=frozenset({Trigger.SYSTEM}),
    first_leg=FirstLeg.AGENT,
    binding=Binding.BEFORE_DIAL,
    pacing=Pacing.ONE,
    source=Source.LIST,
    callback_opens_in=Phase.RINGING_AGENT,
    callback_needs=Needs.VOICE,
    on_agent_missed=OnAgentMissed.NOT_READY_LEAD_TO_TOP,
    on_reject=OnAgentMissed.NOT_READY_LEAD_TO_TOP,
    on_agent_lost=OnAgentLost.CANCEL,
    on_dial_refused=OnDialRefused.CLOSE,
    after_unreached=AfterUnreached.NEXT_RECORD,
    on_preview_timeout=OnPreviewTimeout.NONE,
    agent_confirms=AgentConfirms.LEG_ANSWER,
    alert=Alert.BEFORE_DIAL,
    number_choice=NumberChoice.SYSTEM,
    disposition_for=DispositionFor.ANSWERED,
)

_PROGRESSIVE = replace(
    _AGENT_FIRST,
    key="progressive",
    label=say("Progressive"),
    opens_in=Phase.DIALING,
    first_leg=FirstLeg.CUSTOMER,
    callback_opens_in=Phase.DIALING,
    on_agent_lost=OnAgentLost.REBIND_ELSE_CANCEL,
    agent_confirms=AgentConfirms.NOTHING,
    alert=Alert.WITH_DIAL,
)

_POWER = replace(
    _PROGRESSIVE,
    key="power",
    label=say("Power"),
    opens_in=Phase.CONNECTING,
    delivery=Delivery.ON_ANSWER,
    binding=Binding.ON_ANSWER,
    pacing=Pacing.RATIO,
    alert=Alert.AT_ANSWER,
)

MODES: dict[str, Mode] = {
    mode.key: mode
    for mode in (
        replace(
            _PREVIEW,
            key="manual",
            label=say("Manual"),
            joining=Joining.EXPLICIT,
            triggers=frozenset({Trigger.AGENT}),
            callback_opens_in=Phase.PREVIEW,
            callback_needs=Needs.JOINED,
            on_preview_timeout=OnPreviewTimeout.NONE,
            done_needs=DoneNeeds.PROCESSED,
            get_label="Get customers",
        ),
        _PREVIEW,
        replace(
            _PREVIEW,
            key="push_preview",
            label=say("Push preview"),
            opens_in=Phase.OFFERED,
            delivery=Delivery.PUSH,
            needs=Needs.PREVIEW,
            joining=Joining.ON_NOTICE,
            agent_confirms=AgentConfirms.ACCEPT,
            delivery_mode_label="Automatic",
        ),
        replace(
            _PREVIEW,
            key="direct_push_preview",
            label=say("Direct push preview"),
            opens_in=Phase.OFFERED,
            delivery=Delivery.PUSH,
            joining=Joining.EXPLICIT,
            callback_needs=Needs.JOINED,
            triggers=frozenset({Trigger.ACCEPT}),
            agent_confirms=AgentConfirms.ACCEPT,
            on_preview_timeout=OnPreviewTimeout.NONE,
            delivery_mode_label="Automatic",
        ),
        _AGENT_FIRST,
        _PROGRESSIVE,
        _POWER,
        replace(_POWER, key="predictive", label=say("Predictive"), pacing=Pacing.FORECAST),
        replace(_AGENT_FIRST, key="auto_callback", label=say("Auto-callback"), source=Source.MISSED_CALLS, no_callback=NoCallback.FINISHED),
    )
}

_CAN_OPEN_IN = (Phase.OFFERED, Phase.PREVIEW, Phase.RINGING_AGENT, Phase.DIALING, Phase.CONNECTING)

# The modes whose whole journey is built; the others are rows that cannot be started yet.
RUNS: frozenset[str] = frozenset({"manual", "preview", "push_preview", "direct_push_preview", "agent_first", "progressive", "power", "auto_callback"})


def keys_that_need(needs: Needs, *, callback: bool = False) -> list[str]:
    """The modes whose records, or whose callbacks, are given unasked to agents with this switched on."""
    if callback:
        return [mode.key for mode in MODES.values() if mode.callback_needs is needs and mode.pushes_callbacks]
    return [mode.key for mode in MODES.values() if mode.needs is needs and mode.delivery is not Delivery.PULL]


def keys_that_answer_by_themselves() -> list[str]:
    """The modes in which a campaign says whether its agents are alerted to each call or have it at once."""
    return [mode.key for mode in MODES.values() if mode.answers_by_itself]


def goes_not_ready(how: OnAgentMissed, own: str) -> bool:
    """Whether an agent who did not take work, or said no, is Not Ready then. own: what their campaign says of it, or "mode"."""
    return how.value.startswith("not_ready") if own == "mode" else own == "not_ready"


def keys_that_offer_callbacks() -> list[str]:
    """The modes whose records are asked for and whose callbacks come unasked all the same."""
    return [mode.key for mode in MODES.values() if mode.delivery is Delivery.PULL and mode.pushes_callbacks]


def impossible(mode: Mode) -> list[str]:
    """Why this combination of fields cannot work, a sentence each; empty when it can."""
    wrong = []
    if mode.opens_in not in _CAN_OPEN_IN or mode.callback_opens_in not in _CAN_OPEN_IN:
        wrong.append("Work opens as an offer, a preview, a ringing phone, a dialed call or a matched answer.")
    if not mode.triggers:
        wrong.append("Something must start the dial: the agent, a timer, the acceptance or the system.")
    if mode.binding is Binding.ON_ANSWER:
        if mode.first_leg is not FirstLeg.CUSTOMER:
            wrong.append("An agent chosen when the customer answers cannot be called before the customer.")
        if mode.opens_in is not Phase.CONNECTING:
            wrong.append("Where the agent is chosen at the answer, work opens in the phase connecting.")
        if mode.delivery is not Delivery.ON_ANSWER:
            wrong.append("Where the agent is chosen at the answer, nothing can be delivered before it.")
    else:
        if mode.opens_in is Phase.CONNECTING:
            wrong.append("Work can only open in the phase connecting where the agent is chosen at the answer.")
        if mode.delivery is Delivery.ON_ANSWER:
            wrong.append("Delivery at the answer needs an agent chosen at the answer.")
        if mode.pacing is not Pacing.ONE:
            wrong.append("More than one call per agent needs agents chosen at the answer.")
    if (
        mode.dials_at_dispatch
        and mode.opens_in in (Phase.PREVIEW, Phase.OFFERED, Phase.RINGING_AGENT)
        and mode.agent_confirms is AgentConfirms.NOTHING
    ):
        wrong.append("A record that waits for its agent needs a way for the agent to confirm.")
    if mode.delivery is Delivery.PULL and mode.opens_in is not Phase.PREVIEW:
        wrong.append("A record the agent asked for opens as a preview.")
    if mode.delivery is Delivery.PULL and mode.needs is not Needs.JOINED:
        wrong.append("A record the agent asks for needs no channel: asking is enough.")
    if mode.opens_in is Phase.RINGING_AGENT and mode.first_leg is not FirstLeg.AGENT:
        wrong.append("Ringing the agent's phone first means the agent's leg is the first leg.")
    if mode.alert is Alert.WITH_DIAL and mode.binding is Binding.ON_ANSWER:
        wrong.append("Where the agent is chosen at the answer, nobody can be alerted before it.")
    elif mode.alert is Alert.WITH_DIAL and mode.first_leg is FirstLeg.AGENT:
        wrong.append("An agent whose phone is called first is not alerted a second time.")
    if mode.alert is Alert.AT_ANSWER and mode.binding is Binding.BEFORE_DIAL:
        wrong.append("An agent who was chosen before the dial is alerted no later than that: a customer is not kept waiting for it.")
    if mode.number_choice is NumberChoice.AGENT and Trigger.SYSTEM in mode.triggers:
        wrong.append("Where the system dials at once, the agent cannot choose the number.")
    if mode.on_preview_timeout is not OnPreviewTimeout.NONE and Trigger.TIMER not in mode.triggers:
        wrong.append("A preview time limit needs the timer among the triggers.")
    if mode.after_unreached is AfterUnreached.STAY and mode.binding is Binding.ON_ANSWER:
        wrong.append("Nobody is looking at the record while its call is unanswered, so it cannot stay on a screen.")
    return wrong


def failure_edges(mode: Mode) -> dict[tuple[Phase, str], str]:
    """Phases x failures of this mode with what follows each: the table the docs print and a test finds complete.

    The failures: the agent misses it, or rejects it, the agent is lost, the dial is refused, the customer is not reached, the time runs out.
    """
    nothing = "cannot happen"
    phases = (
        Phase.OFFERED,
        Phase.PREVIEW,
        Phase.CHECKING,
        Phase.RINGING_AGENT,
        Phase.DIALING,
        Phase.CONNECTING,
        Phase.CONNECTED,
        Phase.WRAP_UP,
    )
    used = _phases_of(mode)
    alerted = mode.answers_by_itself  # while the customer is dialed or waits, not before
    table: dict[tuple[Phase, str], str] = {}
    for phase in phases:
        seen = phase in used
        asked = seen and phase in (Phase.OFFERED, Phase.RINGING_AGENT)
        table[phase, "agent missed"] = nothing if not asked else _not_taken(mode, mode.on_agent_missed)
        table[phase, "agent rejects"] = nothing if not asked else _not_taken(mode, mode.on_reject)
        table[phase, "agent lost"] = (
            nothing
            if not seen
            else mode.on_agent_lost.value
            if phase is Phase.DIALING
            else ANOTHER_ELSE_GIVEN_UP
            if phase is Phase.RINGING_AGENT and mode.alert is Alert.WITH_DIAL
            else ANOTHER_ELSE_MESSAGE
            if phase is Phase.CONNECTING or (phase is Phase.RINGING_AGENT and alerted)
            else "the customer hears the message"
            if phase is Phase.CONNECTED
            else "closed with a system disposition after fifteen minutes"
            if phase is Phase.WRAP_UP
            else "the record goes back to the top of the list"
        )
        table[phase, "dial refused"] = (
            mode.on_dial_refused.value if seen and phase in (Phase.PREVIEW, Phase.CHECKING, Phase.RINGING_AGENT, Phase.DIALING) else nothing
        )
        called = (Phase.RINGING_AGENT, Phase.DIALING, Phase.CONNECTING) if alerted else (Phase.DIALING, Phase.CONNECTING)
        table[phase, "customer unreached"] = mode.after_unreached.value if seen and phase in called else nothing
        table[phase, "time runs out"] = (
            nothing
            if not seen
            else _not_taken(mode, mode.on_agent_missed)
            if asked
            else mode.on_preview_timeout.value
            if phase is Phase.PREVIEW and mode.on_preview_timeout is not OnPreviewTimeout.NONE
            else "the record goes back to the list after an hour"
            if phase is Phase.PREVIEW
            else "back to the preview with its message"
            if phase is Phase.CHECKING
            else "the carrier is asked what became of the call"
            if phase is Phase.DIALING
            else ANOTHER_ELSE_MESSAGE
            if phase is Phase.CONNECTING
            else "the longest call is ended"
            if phase is Phase.CONNECTED
            else "the campaign's wrap-up policy"
        )
    return table


ANOTHER_ELSE_MESSAGE = "another agent, else the message within two seconds"
ANOTHER_ELSE_GIVEN_UP = "another agent, else the call is given up; once it is answered, the message within two seconds"


def _not_taken(mode: Mode, how: OnAgentMissed) -> str:
    if not mode.answers_by_itself:
        return how.value
    call = ANOTHER_ELSE_GIVEN_UP if mode.alert is Alert.WITH_DIAL else ANOTHER_ELSE_MESSAGE
    return f"{'not ready' if goes_not_ready(how, 'mode') else 'ready'}; {call}"


def _phases_of(mode: Mode) -> set[Phase]:
    used = {mode.opens_in, mode.callback_opens_in, Phase.DIALING, Phase.CONNECTING, Phase.CONNECTED, Phase.WRAP_UP}
    if mode.first_leg is FirstLeg.AGENT or mode.answers_by_itself:
        used.add(Phase.RINGING_AGENT)
    stays = mode.on_dial_refused is OnDialRefused.STAY or mode.after_unreached is AfterUnreached.STAY
    if stays or (Phase.OFFERED in used and Trigger.ACCEPT not in mode.triggers):
        used.add(Phase.PREVIEW)
    if Phase.PREVIEW in used:
        used.add(Phase.CHECKING)
    return used


def describe(mode: Mode) -> dict[str, str]:
    """Field name -> value, for the campaign summary and the docs."""
    out = {}
    for field in fields(mode):
        value = getattr(mode, field.name)
        out[field.name] = ", ".join(sorted(value)) if isinstance(value, frozenset) else str(value)
    return out
