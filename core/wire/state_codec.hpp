#pragma once

#include "core/wire/messages.hpp"

namespace starling {

// The messages by which an SN that joins takes the state of the ledger, as the others in codec.cpp:
// what put writes, get reads.
void put(Writer&, const SnapshotQuery&);
void get(Reader&, SnapshotQuery&);
void put(Writer& w, const SnapshotOffer& m);
void get(Reader& r, SnapshotOffer& m);
void put(Writer& w, const FetchSnapshot& m);
void get(Reader& r, FetchSnapshot& m);
void put(Writer& w, const SnapshotPart& m);
void get(Reader& r, SnapshotPart& m);
void put(Writer& w, const FetchRecords& m);
void get(Reader& r, FetchRecords& m);
void put(Writer& w, const RecordsPart& m);
void get(Reader& r, RecordsPart& m);

}  // namespace starling
