import { render } from 'preact';
import { followTheDesk } from './state/draft';
import { start, type Boot } from './state/store';
import { App } from './ui/app';

const boot = JSON.parse(document.querySelector('#boot')!.textContent) as Boot;
followTheDesk();
start(boot);
render(<App boot={boot} />, document.querySelector('#console')!);
