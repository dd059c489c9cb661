/** "Do not call back": for a while, or, where nobody else is called back, for good. */

import { t, tn } from '../i18n';
import { leaveAlone, noCallback } from '../state/draft';
import { Icon } from './icons';
import type { Details } from '../protocol.gen';

export function LeaveAlone({ details }: { details: Details }) {
  return (
    <label class="check">
      <input type="checkbox" checked={noCallback.value} onChange={(event) => leaveAlone(event.currentTarget.checked)} />
      <span>
        <span class="ticked">
          <Icon name="hangup" />
          {t('Do not call back')}
        </span>
        <span class="quiet small block">
          {details.no_callback_ends
            ? t('No callback is required: the record is finished.')
            : tn('Left alone for {count} day, then called again as usual.', 'Left alone for {count} days, then called again as usual.', details.no_callback_days)}
        </span>
      </span>
    </label>
  );
}
