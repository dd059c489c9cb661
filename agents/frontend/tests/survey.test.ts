import { expect, test } from 'vitest';
import type { QuestionShown, SurveyShown } from '../src/protocol.gen';
import { asked } from '../src/ui/survey';

const question = (key: string, kind: QuestionShown['kind'], only_if: QuestionShown['only_if'] = null): QuestionShown => ({
  key,
  label: key,
  kind,
  choices: [],
  required: false,
  only_if,
});
const survey: SurveyShown = {
  answers: {},
  sections: [
    {
      title: '',
      text: '',
      questions: [
        question('renews', 'choice'),
        question('dear', 'checkbox', { question: 'renews', answers: ['no'] }),
        question('offer', 'text', { question: 'dear', answers: [true] }),
      ],
    },
  ],
};

test('what is asked follows the answers, as on the server', () => {
  expect([...asked(survey, {})]).toEqual(['renews']);
  expect([...asked(survey, { renews: 'no' })]).toEqual(['renews', 'dear']);
  expect([...asked(survey, { renews: 'no', dear: true })]).toEqual(['renews', 'dear', 'offer']);
  expect([...asked(survey, { renews: 'yes', dear: true })]).toEqual(['renews']);
});
