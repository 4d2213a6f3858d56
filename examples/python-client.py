"""A client in Python with nothing but what protoc makes of the .proto files; docs/grpc.md says how to make it.

python3 examples/python-client.py <folder of the generated code> <host:port of a store>
"""

import sys

import grpc

folder, address = sys.argv[1:]
sys.path.insert(0, folder)

from elastickv.v1 import store_pb2, store_pb2_grpc  # noqa: E402

with grpc.insecure_channel(address) as channel:
    store = store_pb2_grpc.StoreServiceStub(channel)
    # Keys and values are bytes. A store that does not own the key forwards the call to the one that does.
    store.Put(store_pb2.PutRequest(key=b"example:python", value=b"hello"), timeout=5)
    got = store.Get(store_pb2.GetRequest(key=b"example:python"), timeout=5)
    print("get:", got.value.decode() if got.found else "not found")
    try:
        condition = store_pb2.Condition(if_absent=True)
        store.Put(store_pb2.PutRequest(key=b"example:python", value=b"again", condition=condition), timeout=5)
    except grpc.RpcError as error:
        print("put if absent:", error.code().name)
    deleted = store.Delete(store_pb2.DeleteRequest(key=b"example:python"), timeout=5)
    print("delete:", "it existed" if deleted.existed else "it did not exist")
