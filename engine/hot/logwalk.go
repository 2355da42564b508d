package hot

import (
	"encoding/binary"
	"hash/crc32"
	"strconv"
)

// The log of a Badger memtable begins with 20 bytes (key id, IV) and goes on with records:
//
//	meta (1) | user meta (1) | key length (uvarint) | value length (uvarint) | expiry (uvarint) | key | value | CRC-32C (4, big-endian)
//
// A key ends with its version in 8 bytes. The records of a transaction have the bit metaTxn and one version; a record with metaFinTxn,
// whose value is the version in decimal, ends it.
const (
	logHeader     = 20
	metaTxn       = 1 << 6
	metaFinTxn    = 1 << 7
	maxLogKey     = 1 << 16
	versionBytes  = 8
	checksumBytes = 4
)

// logExtent says how much of a log is whole.
type logExtent struct {
	end     int64 // offset after the last whole transaction
	entries int   // records up to there, without those that end a transaction
}

// walkLog finds where Badger's replay of a log would stop: at the first record that is damaged, and never inside a transaction. A log
// that is cut there can be opened for reading only, which spares the second memtable, the copy to level 0 and the new files that
// opening it for writing costs.
func walkLog(log []byte) logExtent {
	if len(log) < logHeader {
		return logExtent{}
	}
	var (
		table   = crc32.MakeTable(crc32.Castagnoli)
		ext     = logExtent{end: logHeader}
		at      = logHeader
		open    = 0 // records of the unfinished transaction
		version uint64
	)
	for {
		rec, ok := parseRecord(log[at:], table)
		if !ok {
			return ext
		}
		at += rec.size
		switch {
		case rec.meta&metaTxn != 0:
			v := binary.BigEndian.Uint64(rec.key[len(rec.key)-versionBytes:])
			if version == 0 {
				version = ^v
			}
			if version != ^v {
				return ext
			}
			open++
		case rec.meta&metaFinTxn != 0:
			v, err := strconv.ParseUint(string(rec.value), 10, 64)
			if err != nil || v != version {
				return ext
			}
			ext.end, ext.entries = int64(at), ext.entries+open
			open, version = 0, 0
		default:
			if version != 0 {
				return ext
			}
			ext.end, ext.entries = int64(at), ext.entries+1
		}
	}
}

type logRecord struct {
	meta       byte
	key, value []byte
	size       int
}

func parseRecord(b []byte, table *crc32.Table) (r logRecord, ok bool) {
	if len(b) < 2 {
		return r, false
	}
	r.meta = b[0]
	at := 2
	var nums [3]uint64
	for i := range nums {
		n, size := binary.Uvarint(b[at:])
		if size <= 0 {
			return r, false
		}
		nums[i], at = n, at+size
	}
	keyLen, valueLen := nums[0], nums[1]
	if keyLen < versionBytes || keyLen > maxLogKey || valueLen > uint64(len(b)) {
		return r, false // also the zeroes after the last record
	}
	end := at + int(keyLen) + int(valueLen)
	if end+checksumBytes > len(b) {
		return r, false
	}
	if crc32.Checksum(b[:end], table) != binary.BigEndian.Uint32(b[end:]) {
		return r, false
	}
	r.key = b[at : at+int(keyLen)]
	r.value = b[at+int(keyLen) : end]
	r.size = end + checksumBytes
	return r, true
}
