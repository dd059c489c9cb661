"""The agent's websocket: what each command of a screen means here."""

from datetime import datetime
from typing import assert_never

from django.utils import timezone

from agents import console, messages, sockets
from agents.desk import Done, Refusal
from campaigns import screens
from campaigns.flow import (
    callbacks,
    confirm_zone,
    do_not_call,
    filled_in,
    more_time,
    next_for,
    offer,
    phone,
    pull,
    take_part,
    talk,
    transfer,
    wrap_up,
)
from campaigns.flow.known_phones import PageAccess


class AgentConsole(sockets.Connection):
    def console_opened(self, *, was: int | None, now: datetime) -> int | None:
        return phone.console_back(self.agent_id, was=was, now=now)

    def still_here(self, *, now: datetime) -> None:
        phone.still_here(self.agent_id, epoch=self.epoch, now=now)

    def console_closed(self, *, now: datetime) -> None:
        phone.console_closed(self.agent_id, epoch=self.epoch, now=now)

    def snapshot(self) -> console.Screen:
        return screens.snapshot(self.agent_id)

    def carry_out(self, order: messages.Order, *, now: datetime) -> Done | Refusal:
        me = self.agent_id
        match order:
            case messages.SignIn(station=station):
                return phone.sign_in(me, station, now=now)
            case messages.SignOut():
                return phone.sign_out(me, now=now)
            case messages.GoReady():
                return next_for.go_ready(me, now=now)
            case messages.SetChannel(channel=channel, ready=ready):
                return next_for.set_channel(me, channel, ready=ready, now=now)
            case messages.TakeBreak(reason=reason):
                return next_for.take_break(me, reason=reason, now=now)
            case messages.Accept(interaction=work):
                return offer.accept(work, me, now=now)
            case messages.Reject(interaction=work, reason=reason):
                return offer.reject(work, me, reason=reason, now=now)
            case messages.Shown(interaction=work):
                return offer.shown(work, me, now=now)
            case messages.RunCampaign(campaign=campaign):
                return take_part.join(me, campaign, now=now)
            case messages.StopCampaign(campaign=campaign):
                return take_part.stop(me, campaign, now=now)
            case messages.GetRecord(campaign=campaign):
                return pull.get_record(me, campaign, now=now)
            case messages.ReadNotice(notice=notice):
                return take_part.read_notice(me, notice, now=now)
            case messages.Call(interaction=work, number=number, caller_id=caller_id):
                return offer.call(work, me, number=number, caller_id=caller_id, now=now)
            case messages.CallNewNumber(interaction=work, number=text, kind=kind, caller_id=caller_id):
                return offer.call_new_number(work, me, number=text, kind=kind, caller_id=caller_id, now=now)
            case messages.Wait(interaction=work):
                return offer.wait(work, me, now=now)
            case messages.Decline(interaction=work, never=never):
                return offer.decline(work, me, never=never, now=now)
            case messages.HangUp(interaction=work):
                return wrap_up.hang_up(work, me, now=now)
            case messages.Hold(interaction=work, on=on):
                return talk.hold(work, me, on=on, now=now)
            case messages.Mute(interaction=work, on=on):
                return talk.mute(work, me, on=on, now=now)
            case messages.SendDigits(interaction=work, digits=digits):
                return talk.send_digits(work, me, digits)
            case messages.BringIn(interaction=work, destination=destination, number=number, agent=agent, how=how):
                return transfer.bring_in(work, me, destination=destination, number=number, colleague=agent, how=how, now=now)
            case messages.WithOther(interaction=work, other=other, do=do):
                return transfer.with_other(work, me, other, do, now=now)
            case messages.PlayMessage(interaction=work, message=message, to=to):
                return talk.play(work, me, message, to=to)
            case messages.RecordCall(interaction=work, do=do):
                return talk.record(work, me, do, now=now)
            case messages.LeaveMessage(interaction=work):
                return talk.leave_message(work, me, now=now)
            case messages.DoNotCall(interaction=work, every_number=every_number):
                return do_not_call.asked_for(work, me, every_number=every_number, now=now)
            case messages.ConfirmZone(interaction=work, zone=zone):
                return confirm_zone.said(work, me, zone, now=now)
            case messages.SaveNote(interaction=work, note=note):
                return wrap_up.save_note(work, me, note=note, now=now)
            case messages.SaveDraft(interaction=work):
                entered = order.model_dump(include={"fields", "survey", "disposition", "no_callback", "number_result", "contact"}, exclude_none=True)
                return filled_in.save(work, me, entered, now=now)
            case messages.MoreTime(interaction=work):
                return more_time.more(work, me, now=now)
            case messages.ScheduleCallback(interaction=work, window=window):
                return callbacks.schedule(work, me, callbacks.Window(**window.model_dump()), now=now)
            case messages.ChangeCallback(callback=callback, window=window):
                return callbacks.change(callback, me, callbacks.Window(**window.model_dump()), now=now)
            case messages.CancelCallback(callback=callback):
                return callbacks.cancel(callback, me, now=now)
            case messages.Finish(interaction=work, disposition=chosen, note=note, stop=stop):
                return wrap_up.finish(work, me, disposition_id=chosen, note=note, stop=stop, now=now)
            case _:
                assert_never(order)

    def look_up(self, question: messages.Question) -> messages.Found | Refusal:
        match question:
            case messages.AskRecord(interaction=work):
                return screens.record(self.agent_id, work) or Refusal("This record is no longer on your desk.")
            case messages.AskHistory(interaction=work, before=before, at=at):
                return screens.history_before(self.agent_id, work, (at, before)) or Refusal("This record is no longer on your desk.")
            case messages.AskCampaigns():
                return screens.campaigns(self.agent_id, now=timezone.now())
            case messages.AskChoices():
                return screens.choices(self.agent_id)
            case messages.AskTargets(interaction=work):
                return screens.targets(self.agent_id, work)
            case messages.AskCallbacks():
                return screens.callbacks(self.agent_id, now=timezone.now())
            case messages.AskDay():
                return screens.day(self.agent_id, now=timezone.now())
            case messages.AskPhone():
                return _shown(phone.of_this_page(self.agent_id, epoch=self.epoch, now=timezone.now()))
            case _:
                assert_never(question)


def _shown(found: PageAccess | Refusal) -> messages.PhoneAccess | Refusal:
    if isinstance(found, Refusal):
        return found
    ice = [messages.IceServer(urls=relay.urls, username=relay.username, credential=relay.credential) for relay in found.relays]
    return messages.PhoneAccess(url=found.url, name=found.phone.name, secret=found.phone.secret, ice=ice)
