"""Sends one command over NATS and prints the answer.

    pip install nats-py
    python3 deploy/examples/send.py SUBJECT ID DATA

SUBJECT is <context>.cmd.<command>, ID the aggregate's id (or - to have one made), DATA the command's
own fields as JSON. NATS_URL says where, TOKEN who asks. An answer that never came is asked for again
under the same command id: the command takes effect once, however often it is sent.
"""

import asyncio
import json
import os
import sys
import uuid

import nats

RETRY = {429, 500, 503, 504}


async def main(subject: str, target: str, data: str) -> int:
    body = {"data": json.loads(data)}
    if target != "-":
        body["id"] = target
    headers = {
        "Nats-Msg-Id": str(uuid.uuid4()),
        "Authorization": f"Bearer {os.environ['TOKEN']}",
    }
    url = os.environ.get("ANNALS_DEV_CLIENT_NATS_URL") or os.environ.get("NATS_URL")
    connection = await nats.connect(url or "nats://127.0.0.1:4222")
    try:
        for attempt in range(5):
            try:
                reply = await connection.request(
                    subject, json.dumps(body).encode(), headers=headers, timeout=5
                )
            except (nats.errors.TimeoutError, nats.errors.NoRespondersError):
                await asyncio.sleep(0.2 * 2**attempt)
                continue
            answer = json.loads(reply.data)
            if answer.get("status") in RETRY:
                await asyncio.sleep(0.2 * 2**attempt)
                continue
            print(json.dumps(answer, indent=2))
            return 0 if answer["ok"] else 3
        print("no answer; the same command id can be sent again", file=sys.stderr)
        return 5
    finally:
        await connection.close()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(*sys.argv[1:])))
