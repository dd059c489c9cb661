import { render } from 'preact';
import { speak } from './i18n';
import { followTheCallback } from './state/callback';
import { followTheDesk } from './state/draft';
import { followTheSession } from './phone/phone';
import { start, type Boot } from './state/store';
import { App } from './ui/app';

const boot = JSON.parse(document.querySelector('#boot')!.textContent) as Boot;
speak(boot.catalogue);
followTheDesk();
followTheCallback();
start(boot);
followTheSession();
render(<App boot={boot} />, document.querySelector('#console')!);
