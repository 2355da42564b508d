package hot

import (
	"fmt"
	"log/slog"
	"math"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// What an entry costs a segment beyond its key and value, in its log (header, version, checksum) or in its arena (a node of the skip
// list at its tallest, alignment, version): whichever is more, rounded up. A transaction ends with a record of its own.
const (
	entryOverhead = 128
	txnOverhead   = 128
)

// memTableBytes is the size of the one Badger memtable that holds a whole segment. Badger writes a memtable to level 0 once it is full; a segment
// is sealed before, so its bytes are written once, to the log.
func memTableBytes(segmentBytes int64) int64 { return max(segmentBytes+1<<20, 8<<20) }

// txnBytes bounds a transaction by entryCost. Badger refuses one of more than 15 % of the memtable.
func txnBytes(segmentBytes int64) int64 { return min(memTableBytes(segmentBytes)*14/100, 4<<20) }

// entryCost is what a value takes of a segment's bytes.
func entryCost(key, value int) int64 { return int64(key + value + entryOverhead) }

func badgerOptions(dir string, memTable int64, readOnly bool, log *slog.Logger) badger.Options {
	o := badger.DefaultOptions(dir)
	o.MemTableSize = memTable
	o.NumMemtables = 1
	o.NumCompactors = 0
	o.NumLevelZeroTables = math.MaxInt32 - 1
	o.NumLevelZeroTablesStall = math.MaxInt32
	o.Compression = options.None // entries are packed
	o.DetectConflicts = false
	o.MetricsEnabled = false
	o.ValueThreshold = maxPart + 1 // a value below goes inline
	o.ValueLogFileSize = 1 << 20   // Badger's least: it makes the file, and nothing is ever written to it
	o.BlockCacheSize = 0
	o.IndexCacheSize = 0
	o.SyncWrites = false // one sync a group, not one a transaction
	o.CompactL0OnClose = false
	o.ReadOnly = readOnly
	o.Logger = badgerLog{log}
	return o
}

// badgerLog passes on what Badger warns about.
type badgerLog struct{ log *slog.Logger }

func (l badgerLog) line(format string, args []any) string {
	return strings.TrimSpace(fmt.Sprintf(format, args...))
}

func (l badgerLog) Errorf(format string, args ...any) {
	l.log.Error("badger", "message", l.line(format, args))
}

func (l badgerLog) Warningf(format string, args ...any) {
	l.log.Warn("badger", "message", l.line(format, args))
}

func (badgerLog) Infof(string, ...any)  {}
func (badgerLog) Debugf(string, ...any) {}
