/** Line drawings of our own, 24 × 24, in the colour of the text beside them. */

const PATHS = {
  phone: 'M6 3h3l2 5-2.5 1.8a11 11 0 0 0 5.7 5.7L16 13l5 2v3a3 3 0 0 1-3.3 3A16 16 0 0 1 3 6.3 3 3 0 0 1 6 3Z',
  hangup: 'M2.5 14.5c5-5.3 14-5.3 19 0l-2.3 3-4-1.8v-2.4a10 10 0 0 0-6.4 0v2.4l-4 1.8Z',
  check: 'm5 12.5 4.5 4.5L19 7.5',
  cup: 'M4 8h12v6a5 5 0 0 1-5 5H9a5 5 0 0 1-5-5V8Zm12 1h1.5a2.5 2.5 0 0 1 0 5H16M8 2v2m4-2v2',
  chevron: 'm7 10 5 5 5-5',
  close: 'M6 6l12 12M18 6 6 18',
  link: 'M4 9a12 12 0 0 1 16 0M7 12.5a8 8 0 0 1 10 0M10 16a3.5 3.5 0 0 1 4 0M12 19.5h.01',
  cut: 'M4 9a12 12 0 0 1 3-1.9M20 9a12 12 0 0 0-7.5-3M7 12.5a8 8 0 0 1 3-1.6M10 16a3.5 3.5 0 0 1 4 0M12 19.5h.01M4 3l16 18',
  leave: 'M14 4h4a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-4M10 8l-4 4 4 4m-4-4h9',
  play: 'M8 5.5v13l11-6.5Z',
  clock: 'M12 7v5l3.5 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7.5 8.5a7.5 7.5 0 0 1 15 0',
  inbox: 'M4 13l3-8h10l3 8v6H4v-6Zm0 0h5a3 3 0 0 0 6 0h5',
  stop: 'M7 7h10v10H7Z',
  list: 'M8 7h12M8 12h12M8 17h12M4 7h.01M4 12h.01M4 17h.01',
  plus: 'M12 5v14M5 12h14',
  note: 'M5 4h14v11l-5 5H5V4Zm9 16v-5h5M8 9h8M8 13h4',
  pause: 'M8.5 5.5v13M15.5 5.5v13',
  microphone: 'M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3ZM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21',
  muted: 'M9 6a3 3 0 0 1 6 0v5m-1 2.3A3 3 0 0 1 9 11V9M5.5 11a6.5 6.5 0 0 0 10 5.5m2.6-3a6.5 6.5 0 0 0 .4-2.5M12 17.5V21M4 4l16 16',
  record: 'M12 18a6 6 0 1 0 0-12 6 6 0 0 0 0 12Z',
  transfer: 'M4 8h13m-4-4 4 4-4 4M20 16H7m4-4-4 4 4 4',
  keypad: 'M6 6h.01M12 6h.01M18 6h.01M6 12h.01M12 12h.01M18 12h.01M6 18h.01M12 18h.01M18 18h.01',
  voicemail: 'M6.5 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm11 0a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-11 0h11',
  calendar: 'M4 6.5h16v13H4ZM4 10.5h16M8 4v4m8-4v4',
  pencil: 'm4 20 1-4L16 5l3 3L8 19Zm9.5-12.5 3 3',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
