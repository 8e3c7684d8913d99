#!/usr/bin/python3
"""Hears local service discovery (BEP 14) as a judge who knows neither side.

  lsd_ear.py INTERFACE

Joins the groups of IPv4 and IPv6 on an interface and prints {"event": "up"}, then every datagram that comes as JSON, one
object per line: {"event": "announce", "host": HOST, "group": GROUP, "text": TEXT}.
"""
import json
import select
import socket
import struct
import sys

PORT = 6771
GROUPS = {socket.AF_INET: "239.192.152.143", socket.AF_INET6: "ff15::efc0:988f"}


def say(**fields):
    print(json.dumps(fields), flush=True)


def join(family, group, interface):
    ear = socket.socket(family, socket.SOCK_DGRAM)
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    ear.bind((group, PORT))
    index = socket.if_nametoindex(interface)
    address = socket.inet_pton(family, group)
    if family == socket.AF_INET:
        ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, address + struct.pack("@II", 0, index))
    else:
        ear.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, address + struct.pack("@I", index))
    return ear


def main(interface):
    ears = {join(family, group, interface): group for family, group in GROUPS.items()}
    say(event="up")
    while True:
        for ear in select.select(list(ears), [], [])[0]:
            text, source = ear.recvfrom(2048)
            say(event="announce", host=source[0], group=ears[ear], text=text.decode("latin-1"))


if __name__ == "__main__":
    main(*sys.argv[1:])
