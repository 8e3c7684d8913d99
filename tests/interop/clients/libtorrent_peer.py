#!/usr/bin/python3
"""libtorrent (Debian's python3-libtorrent) as the other side of the interop tests.

  make PATH OUT VERSION PIECE_LENGTH [private] [links]
                                       writes a torrent (version 1, 2 or hybrid), prints its info hashes;
                                       with "links" symbolic links are links, and not what they lead to
  show TORRENT                         prints what libtorrent reads in a torrent
  peer --folder DIR --listen IP:PORT (--torrent FILE | --magnet URI) [--seed] [--peer HOST:PORT]...
                                       shares one torrent until SIGTERM (or, with --leave, until it is complete)

Everything printed is JSON, one object per line. A peer prints {"event": "complete"} when it has all pieces and
{"event": "counters"} whenever its payload counters change: uploaded, downloaded, and the same per remote address; and
{"event": "peers"} whenever others are connected to it: hosts, and names by their peer ids.
"""
import argparse
import json
import os
import signal
import sys
import time

import libtorrent as lt

POLL_SECONDS = 0.05
DHT_SECONDS = 2


def say(**fields):
    print(json.dumps(fields, default=str), flush=True)


def hashes_of(info_hashes):
    return {
        "v1": str(info_hashes.v1) if info_hashes.has_v1() else None,
        "v2": str(info_hashes.v2) if info_hashes.has_v2() else None,
    }


def make(path, out, version, piece_length, *more):
    flags = {"1": lt.create_torrent.v1_only, "2": lt.create_torrent.v2_only, "hybrid": 0}[version]
    flags |= lt.create_torrent.symlinks if "links" in more else 0
    files = lt.file_storage()
    lt.add_files(files, path, lambda _: True, flags)
    creator = lt.create_torrent(files, int(piece_length), flags)
    lt.set_piece_hashes(creator, os.path.dirname(os.path.abspath(path)))
    creator.set_priv("private" in more)
    torrent = creator.generate()
    torrent.pop(b"creation date", None)
    with open(out, "wb") as file:
        file.write(lt.bencode(torrent))
    say(**hashes_of(lt.torrent_info(out).info_hashes()))


def show(path):
    info = lt.torrent_info(path)
    files = info.files()
    pad = lt.file_storage.flag_pad_file if hasattr(lt.file_storage, "flag_pad_file") else 1
    say(
        **hashes_of(info.info_hashes()),
        name=info.name(),
        length=info.total_size(),
        pieceLength=info.piece_length(),
        pieceCount=info.num_pieces(),
        private=info.priv(),
        files=[
            {
                "path": files.file_path(i),
                "length": files.file_size(i),
                "pad": bool(int(files.file_flags(i)) & int(pad)),
                "executable": bool(int(files.file_flags(i)) & int(lt.file_storage.flag_executable)),
                "link": files.symlink(i),
            }
            for i in range(files.num_files())
        ],
        trackers=[tracker.url for tracker in info.trackers()],
        comment=info.comment(),
    )


def settings(options):
    encryption = {"refused": 2, "default": 1, "required": 0}[options.encryption]
    chosen = {
        "listen_interfaces": options.listen,
        "enable_dht": options.dht != [],
        "dht_bootstrap_nodes": ",".join(options.dht),
        # All hosts of the laboratory lie in one network, and many nodes on one host.
        "dht_restrict_routing_ips": False,
        "dht_restrict_search_ips": False,
        "enable_lsd": options.lsd,
        "enable_upnp": False,
        "enable_natpmp": False,
        "allow_multiple_connections_per_ip": True,
        "announce_to_all_trackers": True,
        "announce_to_all_tiers": True,
        "ssrf_mitigation": False,
        "min_reconnect_time": 1,
        "close_redundant_connections": False,
        "out_enc_policy": encryption,
        "in_enc_policy": encryption,
        "alert_mask": lt.alert.category_t.all_categories if options.verbose else
        lt.alert.category_t.error_notification | lt.alert.category_t.status_notification |
        lt.alert.category_t.tracker_notification | lt.alert.category_t.peer_notification |
        lt.alert.category_t.connect_notification | lt.alert.category_t.storage_notification,
    }
    chosen.update((name, int(value)) for name, value in (pair.split("=") for pair in options.set))
    methods = options.methods or ("rc4" if options.encryption == "required" else "both")
    chosen["allowed_enc_level"] = {"plaintext": 1, "rc4": 2, "both": 3}[methods]
    chosen["prefer_rc4"] = methods == "rc4"
    for direction in ("incoming", "outgoing"):
        chosen[f"enable_{direction}_utp"] = options.transport != "tcp"
        chosen[f"enable_{direction}_tcp"] = options.transport != "utp"
    return chosen


def parameters(options):
    chosen = lt.parse_magnet_uri(options.magnet) if options.magnet else lt.add_torrent_params()
    if options.torrent:
        chosen.ti = lt.torrent_info(options.torrent)
    chosen.save_path = options.folder
    flags = lt.torrent_flags
    chosen.flags &= ~(flags.auto_managed | flags.paused)
    if not options.dht:
        chosen.flags |= flags.disable_dht
    if not options.lsd:
        chosen.flags |= flags.disable_lsd
    if not options.pex:
        chosen.flags |= flags.disable_pex
    if options.seed:
        chosen.flags |= flags.seed_mode
    return chosen


def address_of(endpoint):
    host, port = endpoint.rsplit(":", 1)
    return host.strip("[]"), int(port)


class Totals:
    """Payload counters per remote address that survive the end of a connection."""

    def __init__(self):
        self.now = {}
        self.past = {}

    def update(self, peers):
        for peer in peers:
            key = "%s:%d" % peer.ip
            before = self.now.get(key, (0, 0))
            if peer.total_download < before[0] or peer.total_upload < before[1]:
                past = self.past.get(key, (0, 0))
                self.past[key] = (past[0] + before[0], past[1] + before[1])
            self.now[key] = (peer.total_download, peer.total_upload)

    def by_host(self):
        sums = {}
        for record in (self.now, self.past):
            for key, (down, up) in record.items():
                host = key.rsplit(":", 1)[0]
                old = sums.get(host, {"downloaded": 0, "uploaded": 0})
                sums[host] = {"downloaded": old["downloaded"] + down, "uploaded": old["uploaded"] + up}
        return sums


def share(options):
    os.makedirs(options.folder, exist_ok=True)
    session_parameters = lt.session_params()
    session_parameters.settings = settings(options)
    session = lt.session(session_parameters)
    if options.choke_local:
        local = session.get_peer_class(lt.session.local_peer_class_id)
        session.set_peer_class(lt.session.local_peer_class_id, {**local, "ignore_unchoke_slots": False})
    torrent = session.add_torrent(parameters(options))
    torrent.set_upload_limit(options.upload_limit)
    torrent.set_download_limit(options.download_limit)
    if options.places:
        torrent.set_max_connections(options.places)
    stopped = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.append(True))
    for peer in options.peer:
        torrent.connect_peer(address_of(peer))
    say(event="start", port=session.listen_port(), version=lt.version)
    totals = Totals()
    last = None
    connected = None
    complete = False
    announce_at = time.time()
    while not stopped:
        time.sleep(POLL_SECONDS)
        if options.dht and time.time() >= announce_at:
            announce_at += DHT_SECONDS
            torrent.force_dht_announce()  # its own schedule is lazy
        for alert in session.pop_alerts():
            if options.verbose or alert.what() != "state_changed":
                say(event="alert", what=alert.what(), message=alert.message()[:600])
        status = torrent.status()
        peers = torrent.get_peer_info()
        totals.update(peers)
        hosts = sorted(peer.ip[0] for peer in peers)
        if hosts != connected:
            connected = hosts
            # What the peer ids say: `peer.client` is what extension handshakes say as well.
            say(event="peers", hosts=hosts, names=[lt.identify_client(peer.pid) for peer in peers])
        counters = (status.total_payload_upload, status.total_payload_download, json.dumps(totals.by_host()))
        if counters != last:
            last = counters
            say(event="counters", uploaded=counters[0], downloaded=counters[1], peers=totals.by_host())
        if status.is_seeding and not complete:
            complete = True
            say(event="complete", **hashes_of(status.info_hashes))
            if options.leave:
                break
    sys.stdout.flush()
    os._exit(0 if complete or options.seed else 1)


def main():
    if sys.argv[1] == "make":
        return make(*sys.argv[2:])
    if sys.argv[1] == "show":
        return show(*sys.argv[2:])
    parser = argparse.ArgumentParser()
    add = parser.add_argument
    add("verb", choices=["peer"])
    add("--torrent")
    add("--magnet")
    add("--folder", required=True)
    add("--listen", required=True)
    add("--seed", action="store_true")
    add("--leave", action="store_true")
    add("--places", type=int, help="the most peers that it has")
    add("--pex", action="store_true")
    add("--lsd", action="store_true")
    add("--peer", action="append", default=[])
    add("--dht", action="append", default=[])
    add("--upload-limit", type=int, default=0)
    add("--download-limit", type=int, default=0)
    add("--encryption", choices=["refused", "default", "required"], default="default")
    add("--methods", choices=["rc4", "plaintext", "both"])
    add("--transport", choices=["tcp", "utp", "both"], default="both")
    add("--verbose", action="store_true")
    add("--choke-local", action="store_true", help="peers in the local network get no slot beyond the limit either")
    add("--set", action="append", default=[], help="NAME=NUMBER, one of libtorrent's own settings")
    share(parser.parse_args())


if __name__ == "__main__":
    main()
