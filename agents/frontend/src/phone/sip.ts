/** SIP itself, loaded only where the page is the phone: it registers, and hands on every call with what we wrote on it. */

import { UA, WebSocketInterface } from 'jssip';
import type { RTCSession } from 'jssip/lib/RTCSession';
import type { RTCSessionEvent } from 'jssip/lib/UA';
import type { PhoneAccess } from '../protocol.gen';

/** the header with our call's id; a call without it is none of ours */
const OURS = 'X-Ringmaster-Leg';
/** where the telephone system sends back what it hears */
const ECHO = 'echo';
/** milliseconds in which the ways to the other side are gathered; some servers never answer */
const GATHER_FOR = 500;

export interface Call {
  /** our call's id; empty for one of this page's own making */
  readonly leg: string;
  readonly connection: RTCPeerConnection | null;
  answer(): void;
  refuse(): void;
  hangUp(): void;
  /** another microphone, in the middle of the call */
  replace(track: MediaStreamTrack): void;
}

export interface Listener {
  registered(): void;
  lost(): void;
  /** what it registered with is not good any more */
  refused(): void;
  called(call: Call): void;
  connected(call: Call, sound: MediaStream): void;
  ended(call: Call): void;
}

export interface Line {
  /** calls the telephone system, which says back what it hears */
  echo(microphone: MediaStream): Call;
  /** leaves without a word: calls are the server's to end */
  leave(): void;
}

export function register(access: PhoneAccess, microphone: () => MediaStream, listener: Listener): Line {
  const socket = new WebSocketInterface(access.url);
  const host = new URL(access.url).hostname;
  const ice: RTCConfiguration = {
    iceServers: access.ice.map(({ urls, username, credential }) => (username ? { urls, username, credential } : { urls })),
    bundlePolicy: 'max-bundle',
  };
  const agent = new UA({
    sockets: [socket],
    uri: `sip:${access.name}@${host}`,
    password: access.secret,
    register: true,
    register_expires: 120,
    session_timers: false,
    connection_recovery_min_interval: 1,
    connection_recovery_max_interval: 5,
    user_agent: 'Ringmaster console',
  });
  let left = false;
  agent.on('registered', () => listener.registered());
  agent.on('unregistered', () => !left && listener.lost());
  agent.on('disconnected', () => !left && listener.lost());
  agent.on('registrationFailed', ({ response }) => !left && (response ? listener.refused() : listener.lost()));
  agent.on('newRTCSession', (event: RTCSessionEvent) => {
    if (event.originator === 'local') return;
    const leg = event.request.getHeader(OURS) ?? '';
    listener.called(followed(event.session, leg));
  });
  agent.start();

  function followed(session: RTCSession, leg: string): Call {
    const call: Call = {
      leg,
      get connection() {
        return session.connection ?? null;
      },
      answer: () => {
        if (session.isInProgress()) session.answer({ mediaStream: microphone(), pcConfig: ice });
      },
      refuse: () => {
        if (!session.isEnded()) session.terminate({ status_code: 480 });
      },
      hangUp: () => {
        if (!session.isEnded()) session.terminate();
      },
      replace: (track) => {
        for (const sender of session.connection?.getSenders() ?? []) {
          if (sender.track?.kind === 'audio') void sender.replaceTrack(track);
        }
      },
    };
    const heard = (connection: RTCPeerConnection) => {
      connection.addEventListener('track', ({ track, streams }) => listener.connected(call, streams[0] ?? new MediaStream([track])));
    };
    if (session.connection) heard(session.connection);
    else session.on('peerconnection', ({ peerconnection }) => heard(peerconnection));
    let gathering: ReturnType<typeof setTimeout> | undefined;
    session.on('icecandidate', ({ ready }) => {
      gathering ??= setTimeout(ready, GATHER_FOR);
    });
    session.on('ended', () => listener.ended(call));
    session.on('failed', () => listener.ended(call));
    return call;
  }

  return {
    echo: (stream) => followed(agent.call(`sip:${ECHO}@${host}`, { mediaStream: stream, pcConfig: ice }), ''),
    leave: () => {
      left = true;
      socket.disconnect(); // first: a goodbye said now would hang the customer up
      agent.stop();
    },
  };
}
