#!/usr/bin/python3
"""Nodes of libtorrent's DHT (Debian's python3-libtorrent): the world that the interop tests happen in.

  dht_farm.py QUESTIONS [--secure] HOST:PORT...

A node at each place, all of which know each other; with --secure they want ids that belong to addresses (BEP 42), and
one node a network. Prints {"event": "up"} when they do, and runs until it is killed. The last node can be asked: every
line of the file QUESTIONS is a JSON array of texts,

  ["get", TARGET]                        an immutable item
  ["get-key", KEY, SALT]                 a mutable item
  ["put", TEXT]                          stores an immutable item
  ["put-key", SEED, KEY, SALT, TEXT]     stores a mutable item; SEED is that of the key
  ["peers", HASH]                        peers of an info hash
  ["sample", HOST:PORT]                  info hashes that one node holds peers for (BEP 51)

and is answered, in turn, by a line {"event": "answer", ...}, with "nothing": true if nothing was found. Everything
printed is JSON, one object per line; bytes are hex, items text, or null if they are none.
"""
import hashlib
import json
import sys
import time

import libtorrent as lt

POLL_SECONDS = 0.05
# A node that was written to by a question of ours is waited for in vain for 15 seconds.
PATIENCE_SECONDS = 25
PEERS_SECONDS = 2


def say(**fields):
    print(json.dumps(fields), flush=True)


def endpoint(text):
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


def at(host, port):
    return "[%s]:%d" % (host, port) if ":" in host else "%s:%d" % (host, port)


def node(place, bootstrap, secure):
    parameters = lt.session_params()
    parameters.settings = {
        "listen_interfaces": at(*place),
        "dht_bootstrap_nodes": bootstrap,
        "enable_dht": True,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        # Most hosts of the laboratory lie in one network, and many nodes on one host.
        "dht_restrict_routing_ips": secure,
        "dht_restrict_search_ips": secure,
        "dht_enforce_node_id": secure,
        "dht_prefer_verified_node_ids": secure,
        "dht_block_ratelimit": 100000,
        "dht_sample_infohashes_interval": 0,
        "alert_mask": lt.alert.category_t.dht_notification | lt.alert.category_t.dht_operation_notification,
    }
    return lt.session(parameters)


def expanded(seed):
    """The form of a private key that libtorrent takes: the seed's hash, clamped (RFC 8032)."""
    digest = bytearray(hashlib.sha512(seed).digest())
    digest[0] &= 248
    digest[31] = digest[31] & 63 | 64
    return bytes(digest)


def text_of(alert):
    """The value of an item; the binding throws on all but texts."""
    try:
        value = alert.item["value"]
    except RuntimeError:
        return None
    return value.decode() if isinstance(value, bytes) else value


def wait(session, kind, judge, seconds=PATIENCE_SECONDS):
    """Waits for an alert that `judge` makes something of."""
    end = time.time() + seconds
    while time.time() < end:
        for alert in session.pop_alerts():
            found = judge(alert) if alert.what() == kind else None
            if found is not None:
                return found
        time.sleep(POLL_SECONDS)
    return {"nothing": True}


def get(session, target):
    session.dht_get_immutable_item(lt.sha1_hash(bytes.fromhex(target)))
    return wait(session, "dht_immutable_item", lambda alert: {"value": text_of(alert)})


def get_key(session, key, salt):
    session.dht_get_mutable_item(bytes.fromhex(key), salt)
    return wait(session, "dht_mutable_item", lambda alert: {"value": text_of(alert), "seq": alert.seq})


def count_stored(alert):
    return {"target": str(alert.target), "nodes": alert.num_success, "seq": alert.seq}


def put(session, text):
    session.dht_put_immutable_item(text)
    return wait(session, "dht_put", count_stored)


def put_key(session, seed, key, salt, text):
    session.dht_put_mutable_item(expanded(bytes.fromhex(seed)), bytes.fromhex(key), text, salt)
    return wait(session, "dht_put", count_stored)


def peers(session, info_hash):
    session.dht_get_peers(lt.sha1_hash(bytes.fromhex(info_hash)))
    return wait(session, "dht_get_peers_reply", lambda alert: {"peers": [at(*peer) for peer in alert.peers()]}
                if alert.num_peers() > 0 else None, PEERS_SECONDS)


def sample(session, place):
    session.dht_sample_infohashes(endpoint(place), lt.sha1_hash(bytes(20)))
    return wait(session, "dht_sample_infohashes", lambda alert: {
        "samples": [str(info_hash) for info_hash in alert.samples],
        "total": alert.num_infohashes,
        "nodes": alert.num_nodes,
    })


ANSWERS = {"get": get, "get-key": get_key, "put": put, "put-key": put_key, "peers": peers, "sample": sample}


def main(questions, *arguments):
    secure = arguments[0] == "--secure"
    places = [endpoint(place) for place in arguments[secure:]]
    sessions = [node(place, at(*places[0]) if place != places[0] else "", secure) for place in places]
    # Whom a node begins with never comes into its table, so they are introduced to each other.
    for session in sessions:
        for place in places:
            session.add_dht_node(place)
    say(event="up")
    with open(questions) as lines:
        while True:
            line = lines.readline()
            if line == "":
                time.sleep(POLL_SECONDS)
                continue
            verb, *arguments = json.loads(line)
            say(event="answer", **ANSWERS[verb](sessions[-1], *arguments))


if __name__ == "__main__":
    main(*sys.argv[1:])
