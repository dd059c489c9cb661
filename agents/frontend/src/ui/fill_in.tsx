/** One thing to fill in, whatever its kind: the browser's own inputs, which keyboards and screen readers know. */

import type { QuestionShown } from '../protocol.gen';
import { isWrong } from './problems';

export type Value = string | boolean;

interface Props {
  readonly asked: Omit<QuestionShown, 'only_if'>;
  readonly where: 'field' | 'survey';
  readonly value: Value;
  readonly change: (value: Value) => void;
}

export function FillIn({ asked, where, value, change }: Props) {
  const place = `${where}:${asked.key}`;
  const about = {
    id: `${where}-${asked.key}`,
    required: asked.required,
    'aria-invalid': isWrong(place),
    'aria-describedby': isWrong(place) ? `problem-${where}-${asked.key}` : undefined,
  };
  switch (asked.kind) {
    case 'checkbox':
      return (
        <input class="tick" type="checkbox" {...about} required={false} checked={value === true} onChange={(event) => change(event.currentTarget.checked)} />
      );
    case 'datetime':
      return <input type="datetime-local" {...about} value={String(value)} onInput={(event) => change(event.currentTarget.value)} />;
    case 'choice':
      return (
        <select {...about} value={String(value)} onChange={(event) => change(event.currentTarget.value)}>
          <option value="">–</option>
          {asked.choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      );
    case 'text':
      return <input type="text" maxLength={4000} {...about} value={String(value)} onInput={(event) => change(event.currentTarget.value)} />;
  }
}
