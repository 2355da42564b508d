package hot

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/dgraph-io/badger/v4"
)

// walkLog must end where Badger's replay ends, or a segment could not be opened for reading, or would lose a transaction.
func TestWalkEndsWhereBadgerDoes(t *testing.T) {
	dir, _ := killed(t)
	path := logOf(t, dir)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole = whole[:walkLog(whole).end+200]
	r := rand.New(rand.NewPCG(testSeed(t), 1))
	rounds := 20
	if os.Getenv("TAEL_TEST_LONG") == "1" {
		rounds = 500
	}
	seg := segmentDirs(t, dir)[0]
	s := &Store{log: slog.New(slog.DiscardHandler)}
	for range rounds {
		log := bytes.Clone(whole)
		switch r.IntN(3) {
		case 0:
			log[logHeader+r.IntN(len(log)-logHeader)] ^= byte(1 + r.IntN(255))
		case 1:
			log = log[:logHeader+1+r.IntN(len(log)-logHeader-1)]
		case 2:
			at := logHeader + r.IntN(len(log)-logHeader)
			clear(log[at:min(len(log), at+r.IntN(5000))])
		}
		ext := walkLog(log)
		if ext.entries == 0 {
			continue
		}
		// Badger, opening for writing, finds as many entries in the log as it is; opening for reading it takes the one that is cut.
		for _, o := range []struct {
			log      []byte
			readOnly bool
		}{{log[:ext.end], true}, {log, false}} {
			if err := os.WriteFile(path, o.log, 0o600); err != nil {
				t.Fatal(err)
			}
			if n := countKeys(t, seg, o.readOnly); n != ext.entries {
				t.Fatalf("cut at %d: Badger (read only: %v) has %d entries, want %d", ext.end, o.readOnly, n, ext.entries)
			}
			// What Badger made of it goes.
			for _, f := range append(files(t, seg, "*.sst"), append(files(t, seg, "*"+logSuffix), filepath.Join(seg, badger.ManifestFilename))...) {
				if err := os.Remove(f); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.mendManifest(seg, false); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func countKeys(t *testing.T, dir string, readOnly bool) (n int) {
	t.Helper()
	db, err := badger.OpenManaged(badgerOptions(dir, 8<<20, readOnly, slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	txn := db.NewTransactionAt(readEverything, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		n++
	}
	return n
}
