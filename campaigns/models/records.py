"""What a record shows beside the person, where it came from, and what must leave the house."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from agents.models import User
from campaigns.models.campaign import Campaign
from campaigns.models.ledger import Lead


class FieldDefinition(models.Model):
    """A field of a campaign's Record Information."""

    class Kind(models.TextChoices):
        TEXT = "text", "Text"
        CHECKBOX = "checkbox", "Check box"
        DATETIME = "datetime", "Date and time"
        CHOICE = "choice", "Drop-down list"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="field_definitions")
    key = models.SlugField(max_length=40)
    label = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.TEXT)
    choices = models.JSONField(default=list, blank=True)
    editable = models.BooleanField(default=False)
    required = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["campaign", "key"], name="field_key_once")]

    def __str__(self) -> str:
        return self.label

    def clean(self) -> None:
        if not isinstance(self.choices, list) or not all(isinstance(choice, str) and choice for choice in self.choices):
            raise ValidationError({"choices": 'Write the choices as a list of texts: ["Morning", "Evening"].'})
        if self.kind == self.Kind.CHOICE and not self.choices:
            raise ValidationError({"choices": "A drop-down list needs choices. Add some, or make it a text."})


class Survey(models.Model):
    """The script and questions an agent fills in: sections and branching as data."""

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, related_name="survey")
    form = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"survey of {self.campaign_id}"


class SurveyAnswer(models.Model):
    lead = models.OneToOneField(Lead, on_delete=models.CASCADE, related_name="survey_answer")
    answers = models.JSONField(default=dict)
    draft = models.BooleanField(default=True)
    saved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"answers of lead {self.lead_id}"


class CallRequest(models.Model):
    """Somebody asked to be called, through another program. Its key makes a repeat the same request."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="call_requests")
    key = models.CharField(max_length=80, help_text="the other program's own name of the request")
    e164 = models.CharField(max_length=16)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="call_requests")
    asked_at = models.DateTimeField()
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "key"], name="call_request_once")]

    def __str__(self) -> str:
        return self.key


class LiveSource(models.Model):
    """A CRM polled by cursor."""

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, related_name="live_source")
    kind = models.CharField(max_length=24)
    settings = models.JSONField(default=dict, blank=True)
    poll_minutes = models.PositiveSmallIntegerField(default=5)
    cursor = models.JSONField(default=dict, blank=True)
    next_poll_at = models.DateTimeField(null=True, blank=True)
    polled_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.kind} for {self.campaign_id}"


class Outbox(models.Model):
    """What must leave the house, written in the transaction that decided it; the message about it is only a hint."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    topic = models.CharField(max_length=40)
    key = models.CharField(max_length=80, help_text="the receiver's idempotency key")
    payload = models.JSONField()
    due_at = models.DateTimeField()
    runs = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["topic", "key"], name="outbox_once")]
        indexes = [models.Index(fields=["due_at"], name="outbox_due", condition=Q(done_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"
