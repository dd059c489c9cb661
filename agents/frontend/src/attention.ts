/** For an agent who looks at another tab: the browser itself says that something rings. Asked for on a click, as browsers want it. */

export function allowNotifications(): void {
  if ('Notification' in window && Notification.permission === 'default') void Notification.requestPermission();
}

/** Says it where the page is not looked at; returns how to take it back. */
export function notify(title: string, words: string): () => void {
  if (!document.hidden || !('Notification' in window) || Notification.permission !== 'granted') return () => {};
  const said = new Notification(title, { body: words, tag: 'alert', requireInteraction: true });
  said.onclick = () => {
    window.focus();
    said.close();
  };
  return () => said.close();
}
