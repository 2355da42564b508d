package hot

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/taeldb/tael"
)

// killed makes a directory as a kill would leave it, with what it holds.
func killed(t *testing.T) (dir string, m *model) {
	t.Helper()
	o := testOptions(t.TempDir())
	s := open(t, o)
	m = newModel()
	batches := cutAll(t, "default", requests(t, 600, 50))
	m.add(t, batches...)
	appendAll(t, s, batches)
	return copyDir(t, o.Dir), m
}

// logOf gives the log of the first segment.
func logOf(t *testing.T, dir string) string {
	t.Helper()
	return files(t, segmentDirs(t, dir)[0], "*"+logSuffix)[0]
}

// logEnd is where the whole part of a log ends.
func logEnd(t *testing.T, path string) int64 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return walkLog(b).end
}

func flip(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x55
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
}

func TestGapsAreReported(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, log string){
		"a flipped bit":    func(t *testing.T, log string) { flip(t, log, logEnd(t, log)/2) },
		"a truncated log":  func(t *testing.T, log string) { truncate(t, log, logEnd(t, log)*2/3) },
		"zeroes in a page": func(t *testing.T, log string) { zero(t, log, logEnd(t, log)/2/4096*4096, 4096) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, m := killed(t)
			damage(t, logOf(t, dir))
			var log logBuffer
			o := testOptions(dir)
			o.Logger = slog.New(slog.NewTextHandler(&log, nil))
			s := open(t, o)
			st := s.Stats()
			if len(st.Gaps) != 1 || st.Gaps[0].Segment != 1 || st.Gaps[0].Lost == 0 || st.Gaps[0].Lost >= st.Gaps[0].Synced {
				t.Errorf("gaps: %+v", st.Gaps)
			}
			if err := s.Health(); !errors.Is(err, tael.ErrDamaged) || !strings.Contains(err.Error(), segmentName(1)) {
				t.Errorf("health: %v", err)
			}
			if !strings.Contains(log.String(), "acknowledged data is lost") {
				t.Errorf("log: %s", log.String())
			}
			// The rest is served, as it was written.
			snap := s.Snapshot()
			defer snap.Release()
			all := map[tael.Identity]tael.Span{}
			for _, sp := range m.spans["default"] {
				all[sp.Identity()] = sp
			}
			got := scanAll(t, snap, "default", &tael.Filter{}, tael.SortTime, nil)
			if len(got) == 0 || len(got) >= len(all) {
				t.Errorf("%d of %d spans are served", len(got), len(all))
			}
			var want []tael.Span
			for _, sp := range got {
				want = append(want, all[sp.Identity()])
			}
			same(t, "what is left", got, want)
			appendAll(t, s, cutAll(t, "default", requests(t, 20, 10)))
		})
	}
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

func zero(t *testing.T, path string, at, n int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, n), at); err != nil {
		t.Fatal(err)
	}
}

// What a power cut can leave of files that Badger makes and does not need.
func TestHalfMadeFilesAreMended(t *testing.T) {
	remove := func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	for name, damage := range map[string]func(t *testing.T, seg string){
		"value log without header":  func(t *testing.T, seg string) { zero(t, files(t, seg, "*.vlog")[0], 0, 20) },
		"empty value log":           func(t *testing.T, seg string) { truncate(t, files(t, seg, "*.vlog")[0], 0) },
		"short value log":           func(t *testing.T, seg string) { truncate(t, files(t, seg, "*.vlog")[0], 7) },
		"no value log":              func(t *testing.T, seg string) { remove(t, files(t, seg, "*.vlog")[0]) },
		"empty discard file":        func(t *testing.T, seg string) { truncate(t, filepath.Join(seg, "DISCARD"), 0) },
		"no manifest":               func(t *testing.T, seg string) { remove(t, filepath.Join(seg, badger.ManifestFilename)) },
		"empty manifest":            func(t *testing.T, seg string) { truncate(t, filepath.Join(seg, badger.ManifestFilename), 0) },
		"no key registry":           func(t *testing.T, seg string) { remove(t, filepath.Join(seg, badger.KeyRegistryFileName)) },
		"empty key registry":        func(t *testing.T, seg string) { truncate(t, filepath.Join(seg, badger.KeyRegistryFileName), 0) },
		"no high-water file":        func(t *testing.T, seg string) { remove(t, filepath.Join(seg, syncedFile)) },
		"damaged high-water number": func(t *testing.T, seg string) { flip(t, filepath.Join(seg, syncedFile), 9) },
		"an empty second log": func(t *testing.T, seg string) {
			if err := os.WriteFile(filepath.Join(seg, "00002"+logSuffix), make([]byte, 4096), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"half a record at the end": func(t *testing.T, seg string) {
			path := files(t, seg, "*"+logSuffix)[0]
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt([]byte{metaTxn, 0, 60, 200, 1, 0, 'S', 1, 2, 3}, logEnd(t, path)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, m := killed(t)
			damage(t, segmentDirs(t, dir)[0])
			s := open(t, testOptions(dir))
			checkAll(t, s, m)
			if err := s.Health(); err != nil {
				t.Errorf("health: %v", err)
			}
		})
	}
}

func TestUnopenableSegmentIsSetAside(t *testing.T) {
	dir, _ := killed(t)
	seg := segmentDirs(t, dir)[0]
	if err := os.WriteFile(filepath.Join(seg, badger.ManifestFilename), []byte("this is no manifest"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // and stays so
		s := open(t, testOptions(dir))
		if err := s.Health(); !errors.Is(err, tael.ErrDamaged) || !strings.Contains(err.Error(), segmentName(1)+damageSuffix) {
			t.Errorf("health: %v", err)
		}
		batches := cutAll(t, "default", requests(t, 20, 10))
		m := newModel()
		m.add(t, batches...)
		appendAll(t, s, batches)
		checkAll(t, s, m)
		if err := s.Seal(context.Background()); err != nil {
			t.Fatal(err)
		}
		for _, seg := range s.Sealed() {
			if err := s.Retire(context.Background(), seg.Counter()); err != nil {
				t.Fatal(err)
			}
		}
		closeStore(t, s)
	}
	if left := segmentDirs(t, dir); len(left) != 1 || left[0] != seg+damageSuffix {
		t.Errorf("on disk: %q", left)
	}
}

// A segment whose log has lost its beginning is set aside with all its bytes, also when its high-water number is lost too: neither proves that
// nothing was acknowledged.
func TestLogWithNothingWholeIsSetAside(t *testing.T) {
	for name, more := range map[string]func(t *testing.T, seg string){
		"the log":                           func(*testing.T, string) {},
		"the log and the high-water number": func(t *testing.T, seg string) { flip(t, filepath.Join(seg, syncedFile), 9) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := killed(t)
			log := logOf(t, dir)
			end := logEnd(t, log)
			zero(t, log, 0, 4096)
			more(t, filepath.Dir(log))
			s := open(t, testOptions(dir))
			if err := s.Health(); !errors.Is(err, tael.ErrDamaged) {
				t.Errorf("health: %v", err)
			}
			left := segmentDirs(t, dir)
			if len(left) != 1 || !strings.HasSuffix(left[0], damageSuffix) {
				t.Fatalf("on disk: %q", left)
			}
			if info, err := os.Stat(filepath.Join(left[0], filepath.Base(log))); err != nil || info.Size() < end {
				t.Errorf("the log set aside: %v, %v, want its %d bytes", info, err, end)
			}
		})
	}
}

// A crash between any two steps of making a segment leaves a directory in which nothing was acknowledged.
func TestUnfinishedSegmentsAreRemoved(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, seg string){
		"directory": func(t *testing.T, seg string) {},
		"high-water file without its number": func(t *testing.T, seg string) {
			if err := os.WriteFile(filepath.Join(seg, syncedFile), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"high-water file": func(t *testing.T, seg string) { newHighWater(t, seg) },
		"badger": func(t *testing.T, seg string) {
			newHighWater(t, seg)
			db, err := badger.OpenManaged(badgerOptions(seg, 8<<20, false, slog.New(slog.DiscardHandler)))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
		},
		"no manifest": func(t *testing.T, seg string) {
			newHighWater(t, seg)
			if err := os.WriteFile(filepath.Join(seg, "00001"+logSuffix), bytes.Repeat([]byte{0}, 100), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"a torn first transaction": func(t *testing.T, seg string) {
			newHighWater(t, seg)
			if err := os.WriteFile(filepath.Join(seg, "00001"+logSuffix), bytes.Repeat([]byte{metaTxn}, 5000), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t.TempDir())
			closeStore(t, open(t, o))
			seg := filepath.Join(o.Dir, segmentsDir, segmentName(1))
			if err := os.Mkdir(seg, 0o700); err != nil {
				t.Fatal(err)
			}
			make(t, seg)
			o.Dir = copyDir(t, o.Dir)
			s := open(t, o)
			if err := s.Health(); err != nil {
				t.Errorf("health: %v", err)
			}
			if left := segmentDirs(t, o.Dir); len(left) != 0 {
				t.Errorf("left: %q", left)
			}
			batches := cutAll(t, "default", requests(t, 20, 10))
			appendAll(t, s, batches)
			if c := s.Stats(); c.Segments != 1 || segmentDirs(t, o.Dir)[0] == seg {
				t.Errorf("the number was used again: %+v", c)
			}
		})
	}
}

func newHighWater(t *testing.T, dir string) {
	t.Helper()
	h, err := createHighWater(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
}

func TestLayoutIsGuarded(t *testing.T) {
	write := func(name, content string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, test := range map[string]struct {
		damage func(t *testing.T, dir string)
		want   error
	}{
		"newer":            {write(dataDirFile, "tael hot 3\nx\n"), tael.ErrNewer},
		"no uuid":          {write(dataDirFile, layoutVersion+"\nx\n"), tael.ErrDamaged},
		"something else":   {write(dataDirFile, "hello"), tael.ErrDamaged},
		"counter":          {write(counterFile, "many\n"), tael.ErrDamaged},
		"stranger":         {write(filepath.Join(segmentsDir, "stranger"), ""), tael.ErrDamaged},
		"missing datadir":  {func(t *testing.T, dir string) { _ = os.Remove(filepath.Join(dir, dataDirFile)) }, tael.ErrDamaged},
		"directory a file": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if test.damage == nil {
				path := filepath.Join(t.TempDir(), "file")
				write(filepath.Base(path), "")(t, filepath.Dir(path))
				if _, err := Open(context.Background(), testOptions(path)); err == nil {
					t.Error("a file is opened as a directory")
				}
				return
			}
			dir, _ := killed(t)
			test.damage(t, dir)
			if _, err := Open(context.Background(), testOptions(dir)); !errors.Is(err, test.want) {
				t.Errorf("open: %v, want %v", err, test.want)
			}
		})
	}
}
