"""Leads and what was tried: the rows the whole flow compares and sets."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from agents.models import Agent, User
from campaigns.models.campaign import Campaign, Disposition
from campaigns.models.people import CallingList, Contact, PhoneNumber
from campaigns.rules.lifecycle import AttemptState, Boost, CallbackState, LeadState, WaitReason
from campaigns.rules.outcomes import Outcome


class ZoneGroup(models.Model):
    """A set of candidate time zones that many leads share: the claim asks only the groups whose hours are open."""

    zones = ArrayField(models.CharField(max_length=60), unique=True, help_text="sorted")

    def __str__(self) -> str:
        return " ".join(self.zones)


class Lead(models.Model):
    """A contact's place in one campaign. Always in exactly one of waiting, busy, final.

    Every index is written anew with every move of a lead: only those that are asked have one (db_index=False elsewhere).
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="leads")
    calling_list = models.ForeignKey(CallingList, on_delete=models.CASCADE, related_name="leads")
    contact = models.ForeignKey(Contact, db_index=False, on_delete=models.CASCADE, related_name="leads")
    zone_group = models.ForeignKey(ZoneGroup, db_index=False, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=8, default=LeadState.WAITING, choices=[(s, s.capitalize()) for s in LeadState])
    reason = models.CharField(max_length=24, default=WaitReason.NEW, help_text="why it waits, or how it ended")
    boost = models.SmallIntegerField(default=Boost.NORMAL, choices=[(b.value, b.name.replace("_", " ").capitalize()) for b in Boost])
    next_call_at = models.DateTimeField()
    next_phone = models.ForeignKey(PhoneNumber, db_index=False, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    reserved_for = models.ForeignKey(
        Agent, db_index=False, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", help_text="whose personal callback it is"
    )
    attempts_made = models.PositiveSmallIntegerField(default=0, help_text="calls that were really dialed")
    tries = models.JSONField(default=dict, blank=True, help_text="calls by outcome")
    misses = models.PositiveSmallIntegerField(default=0, help_text="times an agent did not take it")
    last_missed_by = models.ForeignKey(Agent, db_index=False, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    last_outcome = models.CharField(max_length=24, blank=True)
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    disposition = models.ForeignKey(Disposition, db_index=False, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    no_callback_since = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "contact"], name="one_lead_per_contact_and_campaign"),
            models.CheckConstraint(name="lead_state_known", condition=Q(state__in=[s.value for s in LeadState])),
        ]
        indexes = [
            # the claim's own order, twice, since few go first and their index is soon looked through however many zone groups there are;
            # a personal callback stands outside both until its owner is free or the fallback rule says otherwise
            models.Index(
                fields=["campaign", "zone_group", "next_call_at", "id"],
                name="lead_due",
                condition=Q(state=LeadState.WAITING, reserved_for__isnull=True, boost=Boost.NORMAL),
            ),
            models.Index(
                fields=["campaign", "zone_group", "boost", "next_call_at", "id"],
                name="lead_due_first",
                condition=Q(state=LeadState.WAITING, reserved_for__isnull=True, boost__lt=Boost.NORMAL),
            ),
            models.Index(
                fields=["reserved_for", "next_call_at"],
                name="lead_reserved",
                condition=Q(state=LeadState.WAITING, reserved_for__isnull=False),
            ),
            models.Index(fields=["campaign"], name="lead_busy", condition=Q(state=LeadState.BUSY)),
            models.Index(fields=["campaign", "changed_at"], name="lead_by_rules", condition=Q(state=LeadState.WAITING, reason=WaitReason.RULES)),
            models.Index(fields=["contact"], name="lead_contact"),
            models.Index(fields=["next_phone"], name="lead_next_phone", condition=Q(next_phone__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"lead {self.pk}"


class Attempt(models.Model):
    """One try to reach one number. Its id is the customer leg's, and the carrier's channel id."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    lead = models.ForeignKey(Lead, db_index=False, on_delete=models.PROTECT, related_name="attempts")
    campaign = models.ForeignKey(Campaign, db_index=False, on_delete=models.PROTECT, related_name="attempts")
    contact = models.ForeignKey(Contact, db_index=False, on_delete=models.PROTECT, related_name="attempts")
    phone = models.ForeignKey(PhoneNumber, on_delete=models.PROTECT, related_name="attempts")
    e164 = models.CharField(max_length=16)
    agent = models.ForeignKey(Agent, db_index=False, null=True, blank=True, on_delete=models.SET_NULL, related_name="attempts")
    interaction_id = models.UUIDField(null=True, blank=True)
    state = models.CharField(max_length=10, default=AttemptState.OPEN, choices=[(s, s.capitalize()) for s in AttemptState])
    outcome = models.CharField(max_length=24, null=True, blank=True, choices=[(o, o.replace("_", " ").capitalize()) for o in Outcome])
    epoch = models.BigIntegerField(help_text="the campaign's, when this was planned")
    version = models.PositiveIntegerField(default=1, help_text="the campaign's configuration it was made under")
    price = models.DecimalField(max_digits=10, decimal_places=5, null=True, blank=True, help_text="a minute, when it was planned")
    cost = models.DecimalField(max_digits=12, decimal_places=5, null=True, blank=True, help_text="begun minutes since the answer at that price")
    planned_at = models.DateTimeField()
    dialed_at = models.DateTimeField(null=True, blank=True, help_text="caps count from here; a cancelled plan has none")
    answered_at = models.DateTimeField(null=True, blank=True)
    connected_at = models.DateTimeField(null=True, blank=True)
    concluded_at = models.DateTimeField(null=True, blank=True)
    machine = models.BooleanField(default=False, db_default=False, help_text="an answering machine took it, and it was dealt with as one")
    disposition = models.ForeignKey(Disposition, db_index=False, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        permissions = [("view_attempts_elsewhere", "Can see in a contact's history what other campaigns tried")]
        constraints = [
            models.UniqueConstraint(fields=["contact"], name="one_open_attempt_per_contact", condition=Q(state=AttemptState.OPEN)),
            models.UniqueConstraint(fields=["e164"], name="one_open_attempt_per_number", condition=Q(state=AttemptState.OPEN)),
            models.CheckConstraint(
                name="concluded_has_an_outcome",
                condition=Q(state=AttemptState.OPEN, outcome__isnull=True, concluded_at__isnull=True)
                | Q(state=AttemptState.CONCLUDED, outcome__isnull=False, concluded_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["lead", "planned_at"], name="attempt_lead"),
            models.Index(fields=["campaign", "planned_at"], name="attempt_campaign"),
            models.Index(fields=["agent", "dialed_at"], name="attempt_agent", condition=Q(agent__isnull=False)),
            models.Index(fields=["campaign"], name="attempt_open", condition=Q(state=AttemptState.OPEN)),
            models.Index(fields=["contact", "dialed_at"], name="attempt_person_window"),
            models.Index(fields=["e164", "dialed_at"], name="attempt_number_window"),
            models.Index(fields=["concluded_at"], include=["campaign", "cost"], name="attempt_cost", condition=Q(cost__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.e164} {self.outcome or self.state}"


class Permit(models.Model):
    """The evidence that an attempt was lawful and allowed at this instant."""

    attempt = models.OneToOneField(Attempt, primary_key=True, on_delete=models.CASCADE, related_name="permit")
    decided_at = models.DateTimeField()
    valid_until = models.DateTimeField()
    rules = models.TextField(blank=True, help_text="which rules, in which version")
    evidence = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"permit {self.attempt_id}"


class Callback(models.Model):
    """A call the customer was promised."""

    class Kind(models.TextChoices):
        PERSONAL = "personal", "Personal"
        GROUP = "group", "Any agent"

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="callbacks")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.GROUP)
    agent = models.ForeignKey(Agent, null=True, blank=True, on_delete=models.SET_NULL, related_name="callbacks", help_text="who promised it")
    phone = models.ForeignKey(PhoneNumber, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    due_at = models.DateTimeField()
    fallback_at = models.DateTimeField(null=True, blank=True, help_text="from then on any agent may keep a personal one")
    state = models.CharField(max_length=10, default=CallbackState.OPEN, choices=[(s, s.capitalize()) for s in CallbackState])
    reason = models.CharField(max_length=80, blank=True)
    note = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lead"], name="one_open_callback_per_lead", condition=Q(state=CallbackState.OPEN))]
        indexes = [models.Index(fields=["due_at"], name="callback_due", condition=Q(state=CallbackState.OPEN))]

    def __str__(self) -> str:
        return f"{self.kind} callback at {self.due_at}"
