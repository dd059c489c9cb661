/** My Campaigns: what I may work on, how its records come, and the one button each row has; and the notices of what became of them. */

import { signal } from '@preact/signals';
import { said, t } from '../i18n';
import { ask, campaigns, isLive, notices, waits, work } from '../state/store';
import type { CampaignNotice, CampaignShown } from '../protocol.gen';
import { Icon } from './icons';
import { MyShift } from './my_shift';
import { Window } from './window';

/** the list over the record in hand */
export const listIsOpen = signal(false);

/** Get Record by the keyboard: where there is one campaign to ask, ask it; else show them. */
export function getRecord(): void {
  const giving = campaigns.value?.filter((one) => one.action === 'get_record') ?? [];
  if (!work.value && isLive.value && giving.length === 1) ask({ type: 'get_record', campaign: giving[0]!.id });
  else if (work.value) listIsOpen.value = true;
  else document.querySelector<HTMLElement>('#my-campaigns button')?.focus();
}

export function MyCampaigns() {
  const mine = campaigns.value;
  return (
    <section class="card campaigns" id="my-campaigns" aria-labelledby="my-campaigns-title">
      <h2 id="my-campaigns-title">{t('My Campaigns')}</h2>
      {mine === null ? (
        <span class="ghost-line" aria-hidden="true" />
      ) : mine.length === 0 ? (
        <p class="quiet">{t('No campaign of yours is loaded or running now. Which ones are yours is for your supervisor to say.')}</p>
      ) : (
        <div class="campaigns-table" role="table" aria-labelledby="my-campaigns-title">
          <div role="rowgroup">
            <div role="row" class="campaigns-head">
              {[t('Status'), t('Name'), t('Delivery Mode'), t('Description'), t('Action')].map((title) => (
                <span role="columnheader" key={title}>
                  {title}
                </span>
              ))}
            </div>
          </div>
          <div role="rowgroup">
            {mine.map((one) => (
              <Row campaign={one} key={one.id} />
            ))}
          </div>
        </div>
      )}
    </section>
  );
}

function Row({ campaign }: { campaign: CampaignShown }) {
  return (
    <div role="row" class="campaigns-row">
      <span role="cell" class="campaign-status" data-status={campaign.status}>
        <span class="dot" aria-hidden="true" />
        {statusWords(campaign.status)}
      </span>
      <span role="rowheader" class="campaign-name">
        {campaign.name}
      </span>
      <span role="cell">
        {campaign.delivery === 'Manual' ? t('Manual') : t('Automatic')}
        <span class="quiet small"> · {said(campaign.mode)}</span>
      </span>
      <span role="cell" class="campaign-words">
        {campaign.description && <span class="campaign-description">{campaign.description}</span>}
        {campaign.remark && <span class="quiet small">{said(campaign.remark)}</span>}
      </span>
      <span role="cell" class="campaign-action">
        <Action campaign={campaign} />
      </span>
    </div>
  );
}

function Action({ campaign }: { campaign: CampaignShown }) {
  const busy = !isLive.value || waits('get_record', 'run_campaign', 'stop_campaign');
  const about = { campaign: campaign.name };
  // a record that is asked for needs a free desk; what turns deliveries on or off does not
  const needsDesk = campaign.action === 'get_record' && campaign.delivery === 'Manual';
  return (
    <>
      {campaign.action === 'get_record' && (
        <button
          type="button"
          class="button soft"
          disabled={busy || (needsDesk && work.value !== null) || campaign.status === 'Active'}
          aria-label={t('{what}: {campaign}', { what: getWords(campaign.gets), ...about })}
          onClick={() => ask({ type: 'get_record', campaign: campaign.id })}
        >
          <Icon name="inbox" />
          {getWords(campaign.gets)}
        </button>
      )}
      {campaign.action === 'run' && (
        <button
          type="button"
          class="button soft"
          disabled={busy}
          aria-label={t('Run campaign: {campaign}', about)}
          onClick={() => ask({ type: 'run_campaign', campaign: campaign.id })}
        >
          <Icon name="play" />
          {t('Run campaign')}
        </button>
      )}
      {campaign.action === 'stop' && (
        <button
          type="button"
          class="button"
          disabled={busy}
          aria-label={t('Stop: {campaign}', about)}
          onClick={() => ask({ type: 'stop_campaign', campaign: campaign.id })}
        >
          <Icon name="stop" />
          {t('Stop')}
        </button>
      )}
      {campaign.closes && (
        <button
          type="button"
          class="icon-button"
          disabled={busy}
          aria-label={t('Close the window of {campaign}', about)}
          onClick={() => ask({ type: 'stop_campaign', campaign: campaign.id })}
        >
          <Icon name="close" />
        </button>
      )}
    </>
  );
}

/** The same list over the record in hand, to stop a campaign or to look. */
export function CampaignsOverTheDesk() {
  return (
    <Window class="sheet" open={listIsOpen} when={work.value !== null} label={t('My Campaigns')}>
      <button type="button" class="icon-button sheet-close" aria-label={t('Close')} onClick={() => (listIsOpen.value = false)}>
        <Icon name="close" />
      </button>
      <MyCampaigns />
      <MyShift />
    </Window>
  );
}

const MOST_NOTICES = 3;

/** Campaign Started, Paused, Stopped: beside the work and over none of it, and never takes the focus; F6 goes there. */
export function CampaignNotices() {
  const shown = notices.value.slice(-MOST_NOTICES);
  return (
    <section class="campaign-notices" id="campaign-notices" aria-label={t('Campaign notices')} aria-live="polite">
      {shown.map((notice) => (
        <Notice notice={notice} key={notice.id} />
      ))}
    </section>
  );
}

function Notice({ notice }: { notice: CampaignNotice }) {
  const busy = !isLive.value || waits('read_notice', 'get_record');
  const read = () => ask({ type: 'read_notice', notice: notice.id });
  const about = { what: titleWords(notice.title), campaign: notice.name };
  return (
    <article class="card campaign-notice" aria-label={t('{what}: {campaign}', about)}>
      <div class="campaign-notice-words">
        <p class="campaign-notice-title">{titleWords(notice.title)}</p>
        <p class="campaign-notice-name">{notice.name}</p>
        <p class="quiet small">
          {said(notice.mode)}
          {notice.description && ` · ${notice.description}`}
        </p>
      </div>
      <div class="campaign-notice-buttons">
        {notice.get_record && (
          <button
            type="button"
            class="button soft"
            disabled={busy || work.value !== null}
            onClick={() => {
              ask({ type: 'get_record', campaign: notice.campaign });
              read();
            }}
          >
            {t('Get Record')}
          </button>
        )}
        <button type="button" class={`button ${notice.joins && !work.value ? 'primary' : ''}`} disabled={busy} onClick={read}>
          {t('OK')}
        </button>
        {notice.joins && <span class="quiet small">{t('OK joins the campaign.')}</span>}
      </div>
    </article>
  );
}

function statusWords(status: CampaignShown['status']): string {
  return { Active: t('Active'), Running: t('Running'), Paused: t('Paused') }[status];
}

function getWords(gets: string): string {
  return gets === 'Get customers' ? t('Get customers') : t('Get Record');
}

function titleWords(title: string): string {
  const words: { [title: string]: string } = {
    'Campaign Loaded': t('Campaign Loaded'),
    'Campaign Started': t('Campaign Started'),
    'Campaign Paused': t('Campaign Paused'),
    'Campaign Stopped': t('Campaign Stopped'),
    'Campaign Completed': t('Campaign Completed'),
  };
  return words[title] ?? title;
}
