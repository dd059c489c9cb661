"""Supervisors who listen in: the ledger of who heard whom, when, and how."""

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from agents.models import Agent, User
from campaigns.models.campaign import Campaign
from campaigns.rules.lifecycle import SupervisionState
from telephony.models import Call


class Supervision(models.Model):
    """One supervisor at one conversation, from the moment their phone is called until it is down. Its id is that call's."""

    class How(models.TextChoices):
        LISTEN = "listen", "Listens"
        WHISPER = "whisper", "Speaks to the agent alone"
        BARGE = "barge", "Is in the conversation"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    agent = models.ForeignKey(Agent, db_index=False, on_delete=models.PROTECT, related_name="+")
    campaign = models.ForeignKey(Campaign, db_index=False, on_delete=models.PROTECT, related_name="+")
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="supervisions", help_text="the customer's")
    interaction_id = models.UUIDField()
    state = models.CharField(max_length=8, default=SupervisionState.CALLING, choices=[(s, s.capitalize()) for s in SupervisionState])
    how = models.CharField(max_length=8, choices=How.choices)
    changes = models.JSONField(default=list, help_text="what was asked for, and when, in order")
    asked_at = models.DateTimeField()
    began_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [
            ("listen_in", "Can listen to agents' conversations"),
            ("whisper", "Can speak to an agent who is in a conversation"),
            ("barge_in", "Can join a conversation"),
        ]
        constraints = [models.UniqueConstraint(fields=["user"], name="one_supervision_each", condition=~Q(state=SupervisionState.ENDED))]

    def __str__(self) -> str:
        return f"{self.user} {self.how} {self.agent}"
