"""A campaign, its configuration, its agents, and what follows each outcome."""

from decimal import Decimal
from zoneinfo import available_timezones

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from agents.models import Agent, User
from campaigns.rules.lifecycle import SHOWN_AS, CampaignState, ParticipationState
from campaigns.rules.modes import MODES, Mode
from campaigns.rules.outcomes import DispositionClass, Outcome
from telephony.models import Announcement, CallerId, Trunk


class Campaign(models.Model):
    """A purpose, its lists, agents, mode, rules and hours, run as a unit."""

    class CallApplication(models.TextChoices):
        SOFTPHONE = "softphone", "Softphone"
        INTEGRATED = "integrated", "Integrated dialer"
        ANY = "any", "Any station"

    class WrapUpPolicy(models.TextChoices):
        READY = "ready", "Ready again"
        NOT_READY = "not_ready", "Not Ready"
        STAY = "stay", "Stay in wrap-up until done"

    class DispositionFor(models.TextChoices):
        MODE = "mode", "As the mode says"
        ALL = "all", "Every attempt"
        ANSWERED = "answered", "Answered calls"
        NONE = "none", "Not required"

    class OnMachine(models.TextChoices):
        UNDETECTED = "undetected", "Do not look for machines"
        HANG_UP = "hang_up", "Hang up"
        LEAVE_MESSAGE = "leave_message", "Leave the recorded message"
        CONNECT = "connect", "Leave it to the agent, who is told"

    class Afterwards(models.TextChoices):
        MODE = "mode", "As the mode says"
        READY = "ready", "Ready, for the next record"
        NOT_READY = "not_ready", "Not Ready"

    class Recorded(models.TextChoices):
        OFF = "off", "Nothing is recorded"
        ALL = "all", "Every conversation"
        ON_DEMAND = "on_demand", "When the agent asks for it"

    class Transfers(models.TextChoices):
        OFF = "off", "To nobody"
        DIRECTORY = "directory", "To what is in the directory"
        ANY = "any", "To the directory and any number of the country"

    class CallPurpose(models.TextChoices):
        SALES = "sales", "Sales"
        SERVICE = "service", "Service to customers"
        COLLECTION = "collection", "Collection of debts"
        SURVEY = "survey", "Survey"
        CHARITY = "charity", "Charity"
        POLITICAL = "political", "Political"

    class AtStop(models.TextChoices):
        DRAIN = "drain", "Let ringing calls finish"
        CANCEL = "cancel", "Hang up ringing calls"

    name = models.CharField(max_length=120, unique=True)
    description = models.TextField(blank=True)
    mode_key = models.CharField("dialing mode", max_length=24, choices=[(m.key, m.label) for m in MODES.values()], default="agent_first")
    state = models.CharField(max_length=12, default=CampaignState.UNAPPROVED, editable=False, choices=[(s, s.capitalize()) for s in CampaignState])
    state_since = models.DateTimeField(null=True, blank=True, editable=False)
    epoch = models.BigIntegerField(default=0, editable=False, help_text="rises at every stop and pause; nothing planned under an older one is dialed")
    pool = models.BigIntegerField(default=0, editable=False, help_text="campaigns connected by shared agents decide together")
    call_purpose = models.CharField(
        max_length=12, choices=CallPurpose.choices, default=CallPurpose.SALES, help_text="which of the pinned rule packs concern its calls"
    )
    weight = models.PositiveSmallIntegerField(
        default=10, validators=[MinValueValidator(1), MaxValueValidator(100)], help_text="share of the pool's agents, 1 to 100"
    )
    dial_ratio = models.DecimalField(
        max_digits=3,
        decimal_places=1,
        default=Decimal("1.5"),
        validators=[MinValueValidator(Decimal(1)), MaxValueValidator(Decimal(5))],
        help_text="power dialing: calls on their way for each free agent, 1 to 5; above 1 some answers find nobody free",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+")

    starts_at = models.DateTimeField(null=True, blank=True, help_text="nothing is dialed before this, even when started earlier")
    ends_at = models.DateTimeField(null=True, blank=True, help_text="no new calls after this")
    time_zone = models.CharField(
        max_length=60,
        default="UTC",
        help_text="in which agents are told times, where nothing is known of the called party's own; hours are never looked up in it",
    )
    hours = models.ForeignKey(
        "campaigns.CallableHours",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        help_text="in the called party's local time; empty: whenever its rule packs allow",
    )
    call_application = models.CharField(max_length=12, choices=CallApplication.choices, blank=True, help_text="must be chosen before the start")
    trunk = models.ForeignKey(Trunk, null=True, blank=True, on_delete=models.PROTECT)
    caller_id = models.ForeignKey(CallerId, null=True, blank=True, on_delete=models.PROTECT)
    other_caller_ids = models.ManyToManyField(
        CallerId, blank=True, related_name="+", help_text="an agent who previews a record may show one of these instead"
    )
    message = models.ForeignKey(
        Announcement,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        help_text="what a customer hears when no agent is there within two seconds",
    )
    voicemail = models.ForeignKey(
        Announcement,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="what is left on an answering machine, by an agent or by the system",
    )
    on_machine = models.CharField(
        "answering machine", max_length=14, choices=OnMachine.choices, default=OnMachine.UNDETECTED, help_text="what follows when one is heard"
    )

    review_share = models.PositiveSmallIntegerField(
        "verdicts to check",
        default=0,
        db_default=0,
        validators=[MaxValueValidator(100)],
        help_text="so many of every hundred verdicts, person or machine, are put before somebody who hears what was heard until then, and says whether they were right",
    )
    transfers = models.CharField(
        max_length=10,
        choices=Transfers.choices,
        default=Transfers.DIRECTORY,
        db_default="directory",
        help_text="whom an agent may bring into a conversation or hand it over to",
    )
    supervision_shown = models.BooleanField(
        "agents see that somebody listens",
        default=True,
        db_default=True,
        help_text="while a supervisor listens to their conversation or speaks to them",
    )
    recording = models.CharField(
        "recordings", max_length=10, choices=Recorded.choices, default=Recorded.OFF, db_default="off", help_text="an agent may pause one that runs"
    )
    recording_notice = models.ForeignKey(
        Announcement,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="what everybody in the conversation hears when its recording begins; empty: the agent says it",
    )
    recording_days = models.PositiveSmallIntegerField(
        "days recordings are kept", null=True, blank=True, default=90, help_text="after that their files are deleted; empty: never"
    )

    validation_service = models.ForeignKey(
        "campaigns.ValidationService",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="campaigns",
        help_text="asked about every number before it is called; empty: nobody is",
    )

    call_back_in = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="the auto-callback campaign by which those who answered and heard only the message are called back; empty: by retries alone",
    )
    takes_calls = models.BooleanField(
        "calls to its number reach its agents",
        default=False,
        db_default=False,
        help_text="else they ring in vain, and are called back where a campaign does that",
    )
    longest_wait = models.PositiveSmallIntegerField(
        default=60,
        db_default=60,
        validators=[MinValueValidator(5), MaxValueValidator(3600)],
        help_text="seconds of music until a caller hears the message and is called back",
    )
    wait_message = models.ForeignKey(
        Announcement,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="what a caller hears then; empty: the message for customers whom no agent was there for",
    )
    ring_for = models.PositiveSmallIntegerField(
        default=25, validators=[MinValueValidator(5), MaxValueValidator(120)], help_text="seconds a customer's phone rings"
    )
    min_ring_for = models.PositiveSmallIntegerField(default=20, help_text="seconds before an unanswered call may be given up")
    ring_agent_for = models.PositiveSmallIntegerField(
        default=20, validators=[MinValueValidator(5), MaxValueValidator(60)], help_text="seconds an agent's phone or alert rings"
    )
    auto_answer = models.BooleanField(
        "answered automatically",
        default=True,
        db_default=True,
        help_text="progressive, power and predictive: a customer who has answered is put through to a Ready agent at once. Off: the agent is alerted, "
        "and accepts or rejects. In progressive that is while the customer's phone rings; where the agent is chosen at the answer, only the two "
        "seconds are left before the customer hears the message, and more calls are abandoned",
    )
    when_missed = models.CharField(
        max_length=10, choices=Afterwards.choices, default=Afterwards.MODE, help_text="an agent who neither accepted nor rejected in time"
    )
    when_rejected = models.CharField(max_length=10, choices=Afterwards.choices, default=Afterwards.MODE, help_text="an agent who rejected a record")
    reject_reason = models.BooleanField(
        "reason for a rejection",
        default=False,
        db_default=False,
        help_text="an agent who rejects a record says why; it stands in the contact's history",
    )
    preview_for = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(3600)],
        help_text="seconds a record is looked at before it is dialed by itself, in modes that do so; 0: at once; empty: as long as the agent wants",
    )
    preview_extensions = models.PositiveSmallIntegerField(
        "more preview time",
        default=10,
        db_default=10,
        validators=[MaxValueValidator(100)],
        help_text="how often an agent may take the same time again before a record is dialed by itself; less than 10 may keep out who needs more time",
    )
    new_numbers = models.BooleanField("dial new numbers", default=True, help_text="an agent who previews a record may dial a number not on it")
    edits_contacts = models.BooleanField(
        "change contacts", default=True, db_default=True, help_text="an agent may put name, company, address and e-mail of the contact right"
    )
    wrap_up_for = models.PositiveSmallIntegerField(default=30, validators=[MaxValueValidator(3600)], help_text="seconds after a call")
    wrap_up_extensions = models.PositiveSmallIntegerField(
        "more wrap-up", default=2, validators=[MaxValueValidator(20)], help_text="how often an agent may take thirty seconds more"
    )
    wrap_up_policy = models.CharField(max_length=10, choices=WrapUpPolicy.choices, default=WrapUpPolicy.READY, help_text="when wrap-up runs out")
    disposition_for = models.CharField(
        max_length=10, choices=DispositionFor.choices, default=DispositionFor.MODE, help_text="which attempts need a disposition"
    )
    note_required = models.BooleanField(default=False, help_text="of every call an agent had, of those in vain too")
    longest_call = models.PositiveSmallIntegerField(default=120, help_text="minutes")
    max_attempts = models.PositiveSmallIntegerField(
        default=6, validators=[MinValueValidator(1), MaxValueValidator(50)], help_text="calls to one lead, ever"
    )
    max_misses = models.PositiveSmallIntegerField(
        default=3, help_text="times a record may come back unaccepted before it goes to the end of the list"
    )
    no_callback_days = models.PositiveSmallIntegerField(default=30, help_text="days a customer marked 'do not call back' is left alone")
    callback_fallback = models.PositiveSmallIntegerField(
        "personal callback falls back after",
        null=True,
        blank=True,
        default=30,
        help_text="minutes after its time; then any agent may keep it. Empty: nobody but its owner",
    )
    callback_expires = models.PositiveSmallIntegerField(
        "callbacks expire after",
        default=72,
        db_default=72,
        validators=[MinValueValidator(1), MaxValueValidator(720)],
        help_text="hours after its time; a callback that nobody could keep by then ends as expired, which its owner is told",
    )
    postpones = models.BooleanField("callbacks before the call", default=True, help_text="an agent may postpone a record that was not called yet")
    at_stop = models.CharField(max_length=8, choices=AtStop.choices, default=AtStop.DRAIN)
    require_approval = models.BooleanField(default=True)
    is_live = models.BooleanField(default=False, help_text="fed by a CRM without end; never completes")

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "pool"], name="campaign_state_pool")]

    def __str__(self) -> str:
        return self.name

    @property
    def mode(self) -> Mode:
        return MODES[self.mode_key]

    @property
    def shown_as(self) -> str:
        return SHOWN_AS[CampaignState(self.state)]

    @property
    def line(self) -> str:
        """The queue in which agents free for this campaign stand."""
        return f"c{self.pk}"


class CampaignVersion(models.Model):
    """An immutable snapshot of a campaign's configuration; every attempt names the one it was made under."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    settings = models.JSONField()
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    loosens = ArrayField(
        models.CharField(max_length=40),
        default=list,
        db_default=[],
        blank=True,
        help_text="what it made looser of a loaded, running or paused campaign; nothing is dialed until another person has approved that",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "number"], name="version_number_once")]

    def __str__(self) -> str:
        return f"{self.campaign} v{self.number}"


class CampaignChange(models.Model):
    """Every transition, with who, when and why; the automatic ones without a who."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="changes")
    at = models.DateTimeField()
    move = models.CharField(max_length=12)
    state = models.CharField(max_length=12)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.move}"


class Participation(models.Model):
    """An agent's place in one campaign: assigned by an administrator, joined or stopped by the agent."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="participations")
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="participations")
    state = models.CharField(max_length=10, default=ParticipationState.OFF, choices=[(s, s.capitalize()) for s in ParticipationState])
    read = models.BigIntegerField(default=0, help_text="the last change of the campaign that the agent has acknowledged")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "agent"], name="one_participation_per_agent_and_campaign")]
        indexes = [models.Index(fields=["agent", "state"], name="participation_by_agent")]

    def __str__(self) -> str:
        return f"{self.agent_id} in {self.campaign_id}: {self.state}"


class Disposition(models.Model):
    """What an agent says came of it. Belongs to one campaign, or to all where `campaign` is empty."""

    campaign = models.ForeignKey(Campaign, null=True, blank=True, on_delete=models.CASCADE, related_name="dispositions")
    code = models.SlugField(max_length=40)
    label = models.CharField(max_length=80)
    kind = models.CharField(max_length=16, choices=[(c, c.replace("_", " ").capitalize()) for c in DispositionClass], default=DispositionClass.OTHER)
    note_required = models.BooleanField(default=False)
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="children",
        help_text="the heading it stands under, one of the same campaign",
    )
    position = models.PositiveSmallIntegerField(default=0)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "label"]
        constraints = [models.UniqueConstraint(fields=["campaign", "code"], name="disposition_code_once", nulls_distinct=False)]

    def __str__(self) -> str:
        return self.label

    def clean(self) -> None:
        """Two levels: a heading, and what is chosen beneath it."""
        if self.parent is None:
            return
        if self.parent.pk == self.pk or self.parent.parent_id is not None:
            raise ValidationError({"parent": f"{self.parent} stands under a heading itself. Choose a heading, or none."})
        if self.pk and self.children.exists():
            raise ValidationError({"parent": "Others stand under this one, so it cannot stand under another. Leave it empty."})
        if self.parent.campaign_id not in (None, self.campaign_id):
            raise ValidationError({"parent": f"{self.parent} belongs to another campaign. Choose one of this campaign, or of all."})


class RetryRule(models.Model):
    """What follows one outcome: how often it is tried again, after how long, and on which number."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="retry_rules")
    outcome = models.CharField(max_length=24, choices=[(o, o.replace("_", " ").capitalize()) for o in Outcome])
    max_attempts = models.PositiveSmallIntegerField(default=3, help_text="calls with this outcome before the lead is given up")
    delay_minutes = models.PositiveIntegerField(default=60)
    growing = models.BooleanField(default=False, help_text="each wait is the delay times the number of calls so far")
    next_number = models.BooleanField(default=False, help_text="go to the contact's next number at once, wait only when all were tried")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "outcome"], name="one_rule_per_outcome")]

    def __str__(self) -> str:
        return f"{self.campaign_id}: {self.outcome}"


class SpendLimit(models.Model):
    """What calls may cost a day, of one campaign or of the whole organisation. Reached, it holds dialing until the next day."""

    campaign = models.ForeignKey(
        Campaign,
        null=True,
        blank=True,
        db_index=False,
        on_delete=models.CASCADE,
        related_name="spend_limits",
        help_text="empty: the whole organisation",
    )
    per_day = models.DecimalField(
        max_digits=12, decimal_places=2, validators=[MinValueValidator(0)], help_text="in the currency of the trunks' prices"
    )
    time_zone = models.CharField(max_length=60, default="UTC", help_text="whose midnight begins the day")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign"], name="one_spend_limit_each", nulls_distinct=False)]

    def __str__(self) -> str:
        return f"{self.campaign or 'organisation'}: {self.per_day} a day"

    def clean(self) -> None:
        if self.time_zone not in available_timezones():
            raise ValidationError({"time_zone": "This is not the name of a time zone, such as Europe/Madrid."})
