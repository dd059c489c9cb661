"""What agents' desks remember: who they are, what they wish, what they are doing, and what they did."""

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from agents.rules.lifecycle import Phase
from dialer_project.lib.sentence import say


class User(AbstractUser):
    """Anybody who signs in."""

    language = models.CharField(max_length=10, blank=True, db_default="", help_text="what their console speaks; empty: as their browser asks")


class Team(models.Model):
    name = models.CharField(max_length=80, unique=True)

    def __str__(self) -> str:
        return self.name


class StationQuerySet(models.QuerySet["Station"]):
    def open_to(self, agent: "Agent") -> "StationQuerySet":
        """Where this agent may sit: at their own, and at those of nobody; at an ordinary number only where that is allowed them."""
        own = self.filter(Q(owner__isnull=True) | Q(owner=agent))
        return own if agent.may_use_number else own.exclude(kind=Station.Kind.PSTN)


class Station(models.Model):
    """A phone an agent can sit at. A browser's belongs to its agent and is made by itself; its endpoint is another one for each page."""

    class Kind(models.TextChoices):
        WEBRTC = "webrtc", say("This browser")
        SIP = "sip", say("SIP phone")
        PSTN = "pstn", say("Ordinary number")

    class LegMode(models.TextChoices):
        NAILED_UP = "nailed_up", "Stays connected for the whole shift"
        PER_CALL = "per_call", "Is called for each call"

    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.SIP)
    endpoint = models.CharField(max_length=120, help_text="what the carrier calls: an endpoint, or an E.164 number")
    leg_mode = models.CharField(max_length=10, choices=LegMode.choices, default=LegMode.NAILED_UP)
    auto_answer = models.BooleanField(default=False, help_text="the phone is told to pick up by itself: its agent answers no call, and hears a beep")
    owner = models.ForeignKey(
        "Agent", null=True, blank=True, on_delete=models.CASCADE, related_name="own_stations", help_text="nobody else sits there; empty: anybody"
    )
    secret = models.TextField(blank=True, editable=False, help_text="sealed: what the phone registers with, where it is we who make it known")
    known_at = models.BigIntegerField(null=True, blank=True, editable=False, help_text="the telephony node that knows this browser's phone")
    secret_since = models.DateTimeField(null=True, blank=True, editable=False)
    registered = models.BooleanField(null=True, editable=False, help_text="as the telephone system said last; empty: it never did")

    objects = StationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner"], name="one_browser_phone_per_agent", condition=Q(kind="webrtc", owner__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name


class Agent(models.Model):
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="agent")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="agents")
    station = models.ForeignKey(Station, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", help_text="the phone used last")
    may_use_number = models.BooleanField(
        "ordinary number", default=False, help_text="may sit at an ordinary telephone number, whose minutes are paid for"
    )

    def __str__(self) -> str:
        return self.user.get_full_name() or self.user.username


class NotReadyReason(models.Model):
    code = models.SlugField(max_length=40, unique=True)
    label = models.CharField(max_length=80)
    system = models.BooleanField(default=False, help_text="set by the system, never chosen by an agent")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, help_text="empty: for everybody")
    counts_as_break = models.BooleanField(default=False)
    max_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    note_required = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "label"]
        verbose_name = "Not Ready reason"

    def __str__(self) -> str:
        return self.label


class Session(models.Model):
    """What one agent wishes and has: readiness by channel, phone, screen. One row per agent, kept over sign-outs so `version` only rises."""

    class Leg(models.TextChoices):
        NONE = "none"
        RINGING = "ringing"
        UP = "up"
        SUSPECT = "suspect"  # its phone was lost; no fresh answer waits for it

    agent = models.OneToOneField(Agent, primary_key=True, on_delete=models.CASCADE, related_name="session")
    version = models.BigIntegerField(default=0)
    signed_in_at = models.DateTimeField(null=True, blank=True)
    station = models.ForeignKey(Station, null=True, blank=True, on_delete=models.SET_NULL)
    node_id = models.BigIntegerField(null=True, blank=True, help_text="the telephony node that carries this agent")
    voice_ready = models.BooleanField(default=False)
    preview_ready = models.BooleanField(default=False)
    reason = models.ForeignKey(NotReadyReason, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    pending_reason = models.ForeignKey(
        NotReadyReason, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", help_text="Not Ready after this call"
    )
    ready_since = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True, help_text="when readiness last changed; the screen's timer")
    present = models.BooleanField(default=False, help_text="a console is open and was heard of lately")
    absent_since = models.DateTimeField(null=True, blank=True)
    connection_epoch = models.BigIntegerField(default=0, help_text="rises with every console that opens; an older one's commands are refused")
    pool = models.BigIntegerField(null=True, blank=True, help_text="whom to wake when this agent becomes free; opaque here")
    lines = ArrayField(
        models.CharField(max_length=40), default=list, blank=True, help_text="the queues they stand in while Voice is Ready; opaque here"
    )
    preview_lines = ArrayField(models.CharField(max_length=40), default=list, blank=True, help_text="the same, while Outbound preview is Ready")
    joined_lines = ArrayField(models.CharField(max_length=40), default=list, blank=True, help_text="the same, Ready or not: they asked to be served")
    news = models.BigIntegerField(default=0, help_text="rises when what they may work on has changed: the screen then asks what there is")
    nailed_up = models.BooleanField(default=False, help_text="the phone stays connected for the whole shift: without its leg there is no work")
    leg = models.UUIDField(null=True, blank=True, help_text="the one leg whose events count")
    leg_state = models.CharField(max_length=8, choices=Leg.choices, default=Leg.NONE)
    phone_lost_at = models.DateTimeField(null=True, blank=True, help_text="since when a phone that should stay connected is not")

    class Meta:
        indexes = [
            models.Index(fields=["ready_since"], name="session_free", condition=Q(voice_ready=True, present=True)),
            models.Index(fields=["leg"], name="session_leg", condition=Q(leg__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id}: v{self.version}"


class Interaction(models.Model):
    """An agent's one open piece of work, from offer or preview to the end of wrap-up. What it is about is opaque here."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="interactions")
    phase = models.CharField(max_length=16, choices=[(p, p.replace("_", " ").capitalize()) for p in Phase])
    phase_since = models.DateTimeField()
    deadline = models.DateTimeField(null=True, blank=True, help_text="when somebody must look, whatever was lost")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_because = models.CharField(max_length=40, blank=True)
    origin = models.CharField(max_length=20, default="campaign", help_text="campaign, callback, personal_callback, inbound")
    campaign_id = models.BigIntegerField(null=True, blank=True)
    lead_id = models.BigIntegerField(null=True, blank=True, help_text="a bare id; check_invariants looks")
    owns_lead = models.BooleanField(default=True)
    phone_id = models.BigIntegerField(null=True, blank=True, help_text="the number chosen to be dialed")
    card = models.JSONField(default=dict, blank=True, help_text="what the screen shows first")
    call_id = models.UUIDField(null=True, blank=True, help_text="the customer's leg")
    agent_call_id = models.UUIDField(null=True, blank=True, help_text="the agent's own leg for this work, where it is called for each call")
    dial_due = models.DateTimeField(null=True, blank=True, help_text="somebody must dial for this interaction; the row is the order")
    progress = models.CharField(max_length=12, blank=True, help_text="what the customer's phone is doing: dialing, ringing, answered, ended")
    caller_id = models.CharField(
        max_length=16, blank=True, db_default="", help_text="the number to be shown to the customer, where the agent chose one"
    )
    talked = models.BooleanField(default=False)
    held = models.BooleanField(default=False, db_default=False, help_text="the customer hears music, not the agent")
    muted = models.BooleanField(default=False, db_default=False, help_text="the customer does not hear the agent")
    recording = models.CharField(
        max_length=8, blank=True, db_default="", help_text="offered: the agent may have it recorded; on, paused; empty: it is not recorded"
    )
    watched = models.BooleanField(default=False, db_default=False, help_text="a supervisor listens, and the agent may know")
    others = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        help_text="who else is in the conversation, as the screen shows them",
    )
    outcome = models.CharField(max_length=24, blank=True)
    disposition_id = models.BigIntegerField(null=True, blank=True)
    note = models.TextField(blank=True)
    draft = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField()), blank=True, help_text="what the agent has entered and not closed yet"
    )
    notice = models.JSONField(
        default=str,
        blank=True,
        db_default=models.Value("", models.JSONField()),
        help_text="what the agent is told about it, until it moves on; as lib.sentence tells it",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agent"], name="one_open_interaction_per_agent", condition=~Q(phase=Phase.CLOSED)),
            models.UniqueConstraint(
                fields=["lead_id"],
                name="one_owning_interaction_per_lead",
                condition=Q(owns_lead=True, lead_id__isnull=False) & ~Q(phase=Phase.CLOSED),
            ),
            models.CheckConstraint(
                name="closed_has_its_time",
                condition=Q(phase=Phase.CLOSED, closed_at__isnull=False) | (~Q(phase=Phase.CLOSED) & Q(closed_at__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(fields=["deadline"], name="interaction_overdue", condition=~Q(phase=Phase.CLOSED) & Q(deadline__isnull=False)),
            models.Index(fields=["dial_due"], name="interaction_dial_due", condition=~Q(phase=Phase.CLOSED) & Q(dial_due__isnull=False)),
            models.Index(fields=["call_id"], name="interaction_call", condition=Q(call_id__isnull=False)),
            models.Index(fields=["agent_call_id"], name="interaction_agent_call", condition=Q(agent_call_id__isnull=False)),
            models.Index(fields=["campaign_id", "phase"], name="interaction_campaign", condition=~Q(phase=Phase.CLOSED)),
            models.Index(fields=["lead_id", "opened_at"], name="interaction_lead"),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.phase}"


class StateChange(models.Model):
    """What an agent did and when: append-only."""

    agent = models.ForeignKey(Agent, db_index=False, on_delete=models.PROTECT, related_name="history")
    at = models.DateTimeField()
    doing = models.CharField(max_length=20)
    reason = models.CharField(max_length=40, blank=True)
    interaction_id = models.UUIDField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["agent", "at"], name="state_change_by_agent")]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.doing}"


class Command(models.Model):
    """What a screen asked for, once each, with the answer it got: a repeat is answered from here."""

    id = models.UUIDField(primary_key=True)
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    at = models.DateTimeField()
    answer = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["at"], name="command_at")]

    def __str__(self) -> str:
        return self.kind


class Board(models.Model):
    """The epoch of the hot projection, kept here and in Redis: where the two differ, Redis is empty or stale and nobody is reserved by it."""

    epoch = models.BigIntegerField(default=0)
    rebuilt_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"epoch {self.epoch}"
