#!/usr/bin/python3
"""libtorrent as leecher or seeder.  libtorrent_peer.py leech TORRENT DIR PORT HOST:PORT | seed TORRENT DIR PORT"""
import sys, time, libtorrent as lt
mode, tor, d, port = sys.argv[1:5]
s = lt.session({"listen_interfaces": "127.0.0.1:" + port, "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
  "enable_outgoing_utp": False, "enable_incoming_utp": False, "allow_multiple_connections_per_ip": True, "announce_to_all_trackers": False,
  "download_rate_limit": 0, "upload_rate_limit": 0, "unchoke_slots_limit": -1, "connections_limit": 500, "mixed_mode_algorithm": 0, "rate_limit_ip_overhead": False,
  "max_out_request_queue": 4000, "max_allowed_in_request_queue": 8000, "request_queue_time": 3, "whole_pieces_threshold": 20, "piece_timeout": 60,
  "send_buffer_watermark": 4 << 20, "send_buffer_low_watermark": 1 << 20, "send_buffer_watermark_factor": 150, "send_socket_buffer_size": 1 << 20, "recv_socket_buffer_size": 1 << 20,
  "aio_threads": 4, "hashing_threads": 2, "max_queued_disk_bytes": 64 << 20, "checking_mem_usage": 1024, "in_enc_policy": 1, "out_enc_policy": 2, "alert_mask": 0, "file_pool_size": 500,
  "close_redundant_connections": mode == "leech", "peer_fingerprint": "-LT2080-", "active_seeds": 10, "suggest_mode": 0, "tick_interval": 100, "no_atime_storage": True})
p = lt.add_torrent_params(); p.ti = lt.torrent_info(tor); p.save_path = d; p.trackers = []; p.flags = lt.torrent_flags.default_flags & ~lt.torrent_flags.auto_managed & ~lt.torrent_flags.paused
p.storage_mode = lt.storage_mode_t.storage_mode_sparse
if mode == "seed": p.flags |= lt.torrent_flags.seed_mode
try: h = s.add_torrent(p)
except Exception as e: print(e); raise
t = h.torrent_file() if hasattr(h, "torrent_file") else None
if mode == "seed":
    print("READY", flush=True)
    while True: time.sleep(1)
host, pp = sys.argv[5].split(":")
n = 0
while True:
    st = h.status()
    if n < 400 and st.num_peers == 0 and n % 20 == 0: h.connect_peer((host, int(pp)))
    if st.is_seeding: break
    n += 1; time.sleep(0.01)
