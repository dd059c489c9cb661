"""The dial transaction: a permit, an attempt and a call, or a refusal with its reasons that moves the lead.

The one door to a customer's phone. Dispatch, a click, a countdown, a callback and agent-first's answer all come here, and only when the
customer is really to be called, so that no permit goes stale on a screen. Locks in the order of the architecture: campaign, persons and
numbers, then rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from uuid_utils.compat import uuid7

from campaigns import facts, querysets, spending
from campaigns.facts import Candidate, Known, Person, Phone, Setting
from campaigns.models import Campaign
from campaigns.querysets import DueLead, LeadStep
from campaigns.rules.lifecycle import Boost, FinalReason, LeadState, WaitReason
from campaigns.rules.number_checks import STILL_HOLDS, Answer, told
from campaigns.rules.permit.gate import (
    BUSY_ELSEWHERE,
    OF_THE_NUMBER,
    Allowed,
    Barred,
    Held,
    NotBefore,
    Refused,
    Terms,
    Verdict,
    earliest,
    gates,
    may_call,
)
from campaigns.rules.spending import Purse
from dialer_project.lib import sql, wake
from dialer_project.lib.sentence import say, together
from telephony import calls
from telephony.calls import Plan
from telephony.rules.lifecycle import Party

# seconds from the answer within which a machine is told from a person; an agent is found meanwhile
VERDICT_WITHIN = 3

NEXT_NUMBER = say("The next available phone number will be selected.")

# the classes of our advisory locks
POOL, CAMPAIGN, PERSON, NUMBER, TICK = 1, 2, 3, 4, 5


@dataclass(frozen=True, slots=True)
class Cleared:
    """A lead that may be called now, with the evidence."""

    candidate: Candidate
    phone: Phone
    allowed: Allowed
    price: Decimal | None = None  # a minute, where the trunk has one

    @property
    def lead(self) -> DueLead:
        return self.candidate.lead

    @property
    def origin(self) -> str:
        if self.lead.boost != Boost.CALLBACK_DUE:
            return "campaign"
        return "callback" if self.lead.reserved_for_id is None else "personal_callback"

    def card(self, campaign: Setting) -> dict[str, object]:
        return {
            "campaign": campaign.name,
            "name": self.candidate.person.name,
            "number": self.phone.e164,
            "kind": self.phone.kind,
            "attempt": self.lead.attempts_made + 1,
        }


@dataclass(frozen=True, slots=True)
class NotDialed:
    """Why a record in an agent's hands was not dialed, and the number that is selected instead. waits_for_verdict: its validation service was
    asked and may still say that it may be called."""

    sentence: str
    other: int | None = None
    waits_for_verdict: bool = False


@dataclass(frozen=True, slots=True)
class Promise:
    """A cleared lead and the agent it is dialed for; the interaction is theirs."""

    cleared: Cleared
    agent_id: int | None
    node_id: int
    interaction_id: UUID | None
    id: UUID


def lock_campaign(campaign_id: int) -> None:
    """The campaign's shared lock: whoever stops or completes it waits for us. A statement of its own, so that the next one's snapshot sees
    what they did before."""
    sql.rows("SELECT pg_advisory_xact_lock_shared(%s, %s)", [CAMPAIGN, campaign_id])


def take_campaign(campaign_id: int, *, now: datetime) -> Setting | None:
    """The campaign under its shared lock."""
    lock_campaign(campaign_id)
    return facts.settings_now([campaign_id], now=now).get(campaign_id)


def candidates(leads: Sequence[DueLead], *, phones: dict[int, int] | None = None) -> list[Candidate]:
    """Leads with their people and the number each is to be called on; `phones`: lead id -> a number somebody chose."""
    found = facts.people([lead.contact_id for lead in leads])
    return [Candidate(lead, person := found[lead.contact_id], person.phone((phones or {}).get(lead.id, lead.next_phone_id))) for lead in leads]


def consider(
    campaign: Setting, asked: Sequence[Candidate], *, now: datetime, in_hand: bool = False, why: dict[int, NotDialed] | None = None
) -> tuple[list[Cleared], list[LeadStep]]:
    """Who may be called now, and where everybody else goes. The caller writes the steps (`querysets.step`). `in_hand`: agents have these
    records. `why`: filled for each lead that may not be called, for the agent who looks at it.

    Try-locks on persons and numbers, all in one statement: a loser is skipped and never waits, so nobody can deadlock, and what is read
    after them cannot change before we commit.
    """
    locked = _lock([c for c in asked if c.phone is not None])
    known = facts.read([one.asked for one in asked], terms=campaign.terms, locked=locked, now=now, in_hand=in_hand) if asked else {}
    cleared: list[Cleared] = []
    steps: list[LeadStep] = []
    taken: set[str] = set()
    unchecked: list[int] = []
    purse = _purse(campaign, now=now) if asked else Purse(())
    for candidate in asked:
        lead, phone = candidate.lead, candidate.phone
        about = known[lead.id]
        verdict = may_call(about.facts, terms=campaign.terms, now=now)
        before = len(steps)
        match verdict:
            case Allowed() as allowed if phone is not None and phone.e164 not in taken:
                if purse.pays(about.price):
                    taken.add(phone.e164)
                    cleared.append(Cleared(candidate, phone, allowed, about.price))
                elif why is not None:  # this call would pass the spend limit: held, as by any fact of the campaign
                    why[lead.id] = NotDialed(say("The last of what may be spent today is being spent: press Call again in a moment."))
            case Allowed():  # the same number twice in one batch: the second lead waits its turn
                steps.append(_wait(lead, calls_at=_soon(now, lead.id), reason=WaitReason.HOLD))
            case NotBefore(_, WaitReason.VALIDATION | WaitReason.RULES as reason, _) if (
                reason is WaitReason.RULES or about.facts.answer is Answer.UNKNOWN
            ) and (other := other_number(campaign.terms, candidate.person, about.alternatives, now=now)):
                steps.append(_wait(lead, calls_at=now, reason=WaitReason.RETRY, phone=other))
            case NotBefore(at, reason, _):
                if reason is WaitReason.VALIDATION and phone is not None:
                    unchecked.append(phone.id)
                steps.append(_wait(lead, calls_at=_spread(at, now, lead.id, reason), reason=reason))
            case Refused(reason, _) if reason in OF_THE_NUMBER and (
                other := other_number(campaign.terms, candidate.person, about.alternatives, now=now, or_barred=True)
            ):
                steps.append(_wait(lead, calls_at=now, reason=WaitReason.RETRY, phone=other))
            case Refused(reason, _):
                steps.append(LeadStep(id=lead.id, state=LeadState.FINAL, reason=reason))
            case Held():
                pass  # a fact of the campaign: dispatch stops, no lead is moved
        if why is not None and not isinstance(verdict, Allowed):
            why[lead.id] = _not_dialed(verdict, candidate, about, campaign.terms, next((step.next_phone for step in steps[before:]), None), now=now)
    want_verdicts(campaign, unchecked, now=now)
    return cleared, steps


def _purse(campaign: Setting, *, now: datetime) -> Purse:
    """What may still be spent. Near a limit whoever plans calls under it does so alone, and looks again once alone; empty while somebody else does."""
    purse = Purse(campaign.terms.spending)
    if not purse.is_nearly_empty(campaign.terms.tariff):
        return purse
    if not spending.lock(campaign.limits):
        return Purse.empty()
    return Purse(facts.with_spending([campaign], now=now)[0].terms.spending)


def want_verdicts(campaign: Setting, phones: Sequence[int], *, now: datetime) -> None:
    """These numbers are needed now: whoever asks the campaign's service is told."""
    service = campaign.terms.service
    if service is not None and phones and querysets.want_verdicts(service.id, phones, holds_until=now + STILL_HOLDS, now=now):
        wake.check_numbers(service.id)


def _not_dialed(refused: Verdict, candidate: Candidate, about: Known, terms: Terms, other: int | None, *, now: datetime) -> NotDialed:
    """`other`: a number of the person that is called instead, where the refusal has found one."""
    service, answer = terms.service, about.facts.answer
    match refused:
        case Refused(FinalReason.DO_NOT_CALL, _):
            return NotDialed(told(Answer.LISTED, another=other is not None), other)
        case Held((one,)) if service is not None and one == service.problem:
            other = next_in_order(candidate, about.alternatives, terms=terms, now=now)
            return NotDialed(told(answer, another=other is not None), other)
        case NotBefore(_, WaitReason.VALIDATION, _):
            other = other or next_in_order(candidate, about.alternatives, terms=terms, now=now)
            return NotDialed(told(answer, another=other is not None), other, waits_for_verdict=answer is None)
        case Held(why) | Refused(_, why) | NotBefore(_, _, why):
            return NotDialed(together([*why, *_when(refused, about, terms, now=now), *([NEXT_NUMBER] if other else [])]), other)
        case Allowed():
            return NotDialed("")


def _when(refused: Verdict, about: Known, terms: Terms, *, now: datetime) -> list[str]:
    """From when it can be called, in the customer's time: where that is known, and not in a moment."""
    zone = next(iter(about.facts.zones), None)
    if not isinstance(refused, NotBefore) or not refused.is_known or refused.at - now <= BUSY_ELSEWHERE or zone is None:
        return []
    if any(gate.ask_again for gate in gates(about.facts, terms=terms, now=refused.at)):
        return []  # a consent is over by then
    return [say("It can be called from {at}, {zone} time.", at=refused.at.astimezone(ZoneInfo(zone)), zone=zone.replace("_", " "))]


def next_in_order(candidate: Candidate, unlisted: Sequence[int], *, terms: Terms, now: datetime) -> int | None:
    """The next of the person's numbers, never one before it: of two that nobody can speak about, each would else give way to the other."""
    order = [phone.id for phone in candidate.person.phones]
    after = order[order.index(candidate.phone.id) + 1 :] if candidate.phone else []
    return other_number(terms, candidate.person, [i for i in unlisted if i in after], now=now)


def other_number(terms: Terms, person: Person, unlisted: Sequence[int], *, now: datetime, or_barred: bool = False) -> int | None:
    """The first other number that is on no list and may be called at some time at all, so that two that never may are not tried in turn.
    `or_barred`: where there is none, the first that only the campaign's rules leave no time: of two numbers one of which is refused for good,
    the lead waits on the other for rules to be corrected, and does not end."""
    phones = {phone.id: phone for phone in person.phones}
    found = {i: earliest(facts.of_number(phones[i]), terms=terms, at=now) for i in unlisted}
    callable_some_time = next((i for i, when in found.items() if isinstance(when, datetime)), None)
    if callable_some_time is not None or not or_barred:
        return callable_some_time
    return next((i for i, when in found.items() if isinstance(when, Barred)), None)


def _wait(lead: DueLead, *, calls_at: datetime, reason: WaitReason, phone: int | None = None) -> LeadStep:
    """A callback whose time has come says as well what keeps it, by which it is found when that is over; its boost and its owner stay."""
    return LeadStep(
        id=lead.id,
        state=LeadState.WAITING,
        reason=reason,
        next_call_at=calls_at,
        boost=lead.boost,
        next_phone=phone,
        reserved_for=lead.reserved_for_id,
    )


def wait_for_another(lead: DueLead, *, now: datetime) -> LeadStep:
    """Nobody who is free just now may have this record."""
    return _wait(lead, calls_at=_soon(now, lead.id), reason=WaitReason.RETURNED)


def _soon(now: datetime, salt: int) -> datetime:
    return _spread(now + timedelta(seconds=30), now, salt, WaitReason.HOLD)


def _spread(at: datetime, now: datetime, salt: int, reason: WaitReason) -> datetime:
    """Thirty seconds with jitter: the five hundred leads of one switchboard must not come back in the same second."""
    if reason is not WaitReason.HOLD or not now < at <= now + BUSY_ELSEWHERE:
        return at
    return at + timedelta(seconds=(salt * 2654435761 % 30_000) / 1000)


def _lock(asked: Sequence[Candidate]) -> set[int]:
    """Exclusive try-locks on each person and number; returns the leads that got both."""
    if not asked:
        return set()
    return {
        row.lead_id
        for row in sql.rows(
            """
            SELECT q.lead_id FROM json_to_recordset(%(asked)s::json) AS q(lead_id bigint, contact_id bigint, e164 text)
            WHERE CASE WHEN pg_try_advisory_xact_lock(%(person)s, (q.contact_id %% 2147483647)::int)
                THEN pg_try_advisory_xact_lock(%(number)s, hashtext(q.e164)) ELSE false END
            """,
            {
                "person": PERSON,
                "number": NUMBER,
                "asked": sql.records({"lead_id": c.lead.id, "contact_id": c.lead.contact_id, "e164": c.phone.e164} for c in asked if c.phone),
            },
        )
    }


def promise(campaign: Setting, promises: Sequence[Promise], *, now: datetime) -> None:
    """Writes attempts, permits and calls down and makes the leads busy, two statements for any number; the unique indexes have the last word."""
    if not promises:
        return
    sql.changed(
        """
        WITH p AS (
            SELECT * FROM json_to_recordset(%(promises)s::json) AS p(id uuid, lead_id bigint, contact_id bigint, phone_id bigint, e164 text,
                agent_id bigint, interaction_id uuid, until timestamptz, evidence jsonb, price numeric)
        ), lead AS (
            UPDATE campaigns_lead l SET state = 'busy', changed_at = %(now)s FROM p WHERE l.id = p.lead_id AND l.state = 'waiting'
        ), attempt AS (
            INSERT INTO campaigns_attempt (id, lead_id, campaign_id, contact_id, phone_id, e164, agent_id, interaction_id, state, epoch, version,
                planned_at, price)
            SELECT id, lead_id, %(campaign)s, contact_id, phone_id, e164, agent_id, interaction_id, 'open', %(epoch)s, %(version)s, %(now)s, price
            FROM p
        )
        INSERT INTO campaigns_permit (attempt_id, decided_at, valid_until, rules, evidence) SELECT id, %(now)s, until, %(rules)s, evidence FROM p
        """,
        {
            "campaign": campaign.id,
            "epoch": campaign.epoch,
            "version": campaign.version,
            "now": now,
            "rules": rules_of(campaign),
            "promises": sql.records(
                {
                    "id": p.id,
                    "lead_id": p.cleared.lead.id,
                    "contact_id": p.cleared.lead.contact_id,
                    "phone_id": p.cleared.phone.id,
                    "e164": p.cleared.phone.e164,
                    "agent_id": p.agent_id,
                    "interaction_id": p.interaction_id,
                    "until": p.cleared.allowed.valid_until,
                    "evidence": dict(p.cleared.allowed.evidence),
                    "price": p.cleared.price,
                }
                for p in promises
            ),
        },
    )
    calls.plan(
        [
            Plan(
                id=p.id,
                party=Party.CUSTOMER,
                node_id=p.node_id,
                address=p.cleared.phone.e164,
                ring_for=campaign.ring_for,
                trunk_id=campaign.trunk_id,
                caller_id=campaign.caller_id,
                detect_for=None if campaign.on_machine == Campaign.OnMachine.UNDETECTED else VERDICT_WITHIN,
            )
            for p in promises
        ],
        now=now,
    )


def rules_of(campaign: Setting) -> str:
    """Which rules, in which version: of the campaign and of the packs it has pinned."""
    return "; ".join([f"campaign {campaign.terms.version}", *(pack.label for pack in campaign.terms.packs)])


def new_id() -> UUID:
    """An attempt's, and so its call's and its channel's."""
    return uuid7()
