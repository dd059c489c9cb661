/** Beats from a worker, because a hidden page's own timers are slowed down. */

let timer: ReturnType<typeof setInterval> | undefined;

self.onmessage = (message: MessageEvent<number>) => {
  clearInterval(timer);
  timer = setInterval(() => self.postMessage('beat'), message.data);
};
