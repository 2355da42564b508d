package hot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"

	"github.com/taeldb/tael"
)

// takeLog takes the records of a log up to its last whole transaction. The values point into the log.
func (s *stored) takeLog(log []byte) logExtent {
	ext := walkLog(log)
	table := crc32.MakeTable(crc32.Castagnoli)
	for at := logHeader; int64(at) < ext.end; {
		rec, ok := parseRecord(log[at:], table)
		if !ok {
			break // walkLog has read the same
		}
		if rec.meta&metaFinTxn == 0 {
			s.values[string(rec.key[:len(rec.key)-versionBytes])] = storedValue{rec.value, int(log[at+1])}
		}
		at += rec.size
	}
	return ext
}

// readTables reads what is in level 0, with Badger, in a directory of links of its own: the segment's own may be locked, and has logs that
// Badger would want to mend.
func (s *stored) readTables(ctx context.Context, dir string, r *SegmentReport) (err error) {
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		return err
	}
	links, err := os.MkdirTemp("", "tael-inspect-")
	if err != nil {
		return fmt.Errorf("hot: inspect tables: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(links)) }()
	for _, path := range tables {
		r.Tables = append(r.Tables, filepath.Base(path))
		target, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		if err := os.Symlink(target, filepath.Join(links, filepath.Base(path))); err != nil {
			return fmt.Errorf("hot: inspect tables: %w", err)
		}
	}
	for _, name := range []string{badger.ManifestFilename, badger.KeyRegistryFileName} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(links, name), b, 0o600)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("hot: inspect tables: %w", err)
		}
	}
	db, err := badger.OpenManaged(badgerOptions(links, 8<<20, true, slog.New(slog.DiscardHandler)))
	if err != nil {
		r.Damage = append(r.Damage, fmt.Sprintf("tables of level 0: %v: %v", tael.ErrDamaged, err))
		return nil
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	txn := db.NewTransactionAt(readEverything, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		item := it.Item()
		value, err := item.ValueCopy(nil)
		if err != nil {
			r.Damage = append(r.Damage, fmt.Sprintf("key %x: %v", item.Key(), err))
			continue
		}
		s.values[string(bytes.Clone(item.Key()))] = storedValue{value, int(item.UserMeta())}
	}
	return nil
}
