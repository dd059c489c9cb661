/** The script to read and the questions to ask; what is asked follows what was answered. */

import { t } from '../i18n';
import { answer, answers } from '../state/draft';
import { view } from '../state/store';
import type { QuestionShown, SurveyShown } from '../protocol.gen';
import { FillIn, type Value } from './fill_in';

/** The same rule as the server's: an answer to a question that is not asked opens nothing. */
export function asked(survey: SurveyShown, given: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const open = new Map<string, unknown>();
  for (const question of survey.sections.flatMap((section) => section.questions)) {
    const only = question.only_if;
    if (only && !(open.has(only.question) && only.answers.includes(open.get(only.question) as Value))) continue;
    open.set(question.key, given[question.key] ?? (question.kind === 'checkbox' ? false : ''));
  }
  return new Set(open.keys());
}

export function Survey() {
  const survey = view.value.details?.survey;
  if (!survey) return null;
  const now = asked(survey, answers.value);
  return (
    <section class="survey" aria-label={t('Survey')}>
      {survey.sections.map((section, at) => (
        <div class="survey-section" key={at}>
          {section.title && <h2>{section.title}</h2>}
          {section.text && <p class="script">{section.text}</p>}
          {section.questions
            .filter((question) => now.has(question.key))
            .map((question) => (
              <Question question={question} key={question.key} />
            ))}
        </div>
      ))}
    </section>
  );
}

function Question({ question }: { question: QuestionShown }) {
  return (
    <div class={`field ${question.kind === 'checkbox' ? 'ticked' : ''}`}>
      <label for={`survey-${question.key}`}>
        {question.label}
        {question.required && <span class="quiet small"> {t('needed')}</span>}
      </label>
      <FillIn
        asked={question}
        where="survey"
        value={(answers.value[question.key] as Value | undefined) ?? ''}
        change={(value) => answer(question.key, value)}
      />
    </div>
  );
}
