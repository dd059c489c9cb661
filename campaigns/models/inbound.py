"""Somebody who has called us and is to reach an agent."""

from django.db import models
from django.db.models import Q

from agents.models import Agent
from campaigns.models.campaign import Campaign
from campaigns.models.ledger import Lead
from campaigns.models.people import PhoneNumber
from campaigns.rules.lifecycle import InboundState


class InboundCall(models.Model):
    """Its id is the caller's leg's. No attempt: nobody was dialed, so no permit is needed and only rules about conversations count it."""

    call_id = models.UUIDField(primary_key=True)
    campaign = models.ForeignKey(Campaign, db_index=False, on_delete=models.PROTECT, related_name="+")
    lead = models.ForeignKey(Lead, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", help_text="of whoever it seems to be")
    phone = models.ForeignKey(PhoneNumber, null=True, blank=True, db_index=False, on_delete=models.SET_NULL, related_name="+")
    number = models.CharField(max_length=32, blank=True, help_text="as shown to us; empty: withheld")
    came_at = models.DateTimeField()
    wait_until = models.DateTimeField(help_text="then the caller hears the message, and is called back")
    state = models.CharField(max_length=8, default=InboundState.WAITING, choices=[(s, s.capitalize()) for s in InboundState])
    agent = models.ForeignKey(Agent, null=True, blank=True, db_index=False, on_delete=models.SET_NULL, related_name="+")
    interaction_id = models.UUIDField(null=True, blank=True)
    not_taken_by = models.ForeignKey(
        Agent, null=True, blank=True, db_index=False, on_delete=models.SET_NULL, related_name="+", help_text="whose phone rang for them last, in vain"
    )
    given_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True, help_text="by an agent")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["wait_until"], name="inbound_waiting", condition=Q(state=InboundState.WAITING)),
            models.Index(fields=["campaign", "came_at"], name="inbound_by_campaign"),
            # the facts of a permit: who is on the line, and who has talked to us
            models.Index(fields=["number", "answered_at"], name="inbound_by_number"),
        ]

    def __str__(self) -> str:
        return f"{self.number or 'withheld'} {self.state}"
