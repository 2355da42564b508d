package cold

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"

	"github.com/taeldb/tael"
)

// seeds gives the files of a small table whose names match a pattern.
func seeds(f testing.TB, pattern string) (out [][]byte) {
	f.Helper()
	table, _ := newTable(f)
	mustFlush(f, table, nodeA, 1, "acme", traceOf(1, 4, noon))
	changed := spanOf(1, 2, noon)
	changed.End += 9_000_000_000
	mustFlush(f, table, nodeA, 2, "acme", []tael.Span{changed})
	err := filepath.WalkDir(strings.TrimPrefix(table.opts.Location, "file://"), func(path string, e os.DirEntry, err error) error {
		if ok, _ := filepath.Match(pattern, filepath.Base(path)); err == nil && ok {
			var b []byte
			b, err = os.ReadFile(path)
			out = append(out, b)
		}
		return err
	})
	if err != nil || len(out) == 0 {
		f.Fatalf("%d files match %s, %v", len(out), pattern, err)
	}
	return out
}

func addSeeds(f *testing.F, all [][]byte) {
	for _, b := range all {
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Add([]byte{})
}

func FuzzMetadata(f *testing.F) {
	addSeeds(f, seeds(f, "*"+versionSuffix))
	f.Add([]byte(`{"format-version":2}`))
	f.Add([]byte(`{"format-version":2,"properties":{"tael.format":"x"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		meta, err := parseMetadata(data)
		if err != nil {
			return
		}
		watermarks(meta)
		if _, err := marshalMetadata(meta); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}

// The library that reads Parquet here does not end on every damaged file, so what is tried is what it is given: a file is only read when it
// has its sum.
func FuzzPositionDeletes(f *testing.F) {
	f.Add("file:///x/tael/spans/data/acme/2026-11-20/a.parquet", int64(0), int64(5), int64(2))
	f.Add("s3://b/data/\x00/\xff/x", int64(1)<<40, int64(7), int64(-1))
	f.Fuzz(func(t *testing.T, path string, a, b, c int64) {
		encoded, err := encodeDeletes(map[string][]int64{path: {a, b, c}, path + "2": {b}})
		if err != nil {
			t.Fatal(err)
		}
		key, err := reroot(path)
		want := []int64{a, b, c}
		slices.Sort(want)
		got, decodeErr := decodeDeletes(encoded)
		if err != nil || want[0] < 0 {
			if decodeErr == nil {
				t.Errorf("%q, %v: read as %v", path, want, got)
			}
			return
		}
		if decodeErr != nil || !slices.Equal(got[key], want) {
			t.Errorf("%q: %v, %v; want %v", path, got, decodeErr, want)
		}
	})
}

// No flipped bit of what has a sum goes unnoticed.
func TestSumsFindDamage(t *testing.T) {
	for _, suffix := range []string{avroSuffix, deletesSuffix} {
		for _, whole := range seeds(t, "*-????????????????"+suffix) {
			key := summedKey(metadataKey+nodeA+"-x", whole, suffix)
			if err := checkSum(key, whole); err != nil {
				t.Fatal(err)
			}
			for i := range whole {
				whole[i] ^= 1 << (i % 8)
				if err := checkSum(key, whole); !errors.Is(err, tael.ErrDamaged) {
					t.Fatalf("%s: byte %d: %v", suffix, i, err)
				}
				whole[i] ^= 1 << (i % 8)
			}
		}
	}
	for _, foreign := range []string{"snap-1-1-0a0a0a0a-0000-4000-8000-0000000000ab.avro", "x.avro", "v1.metadata.json", "a-0123456789abcdex.avro"} {
		if err := checkSum(metadataKey+foreign, []byte("x")); err != nil {
			t.Errorf("%s: %v", foreign, err)
		}
	}
}

func FuzzManifest(f *testing.F) {
	addSeeds(f, seeds(f, "*-m0-*.avro"))
	addSeeds(f, seeds(f, "*-m1-*.avro"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, content := range []iceberg.ManifestContent{iceberg.ManifestContentData, iceberg.ManifestContentDeletes} {
			table := &Table{opts: DefaultOptions()}
			key := manifestName(nodeA, "x", 0) + avroSuffix
			table.fresh.put(key, data)
			file := iceberg.NewManifestFile(icebergFormat, table.path(key), int64(len(data)), 0, 1).SequenceNum(1, 1).Content(content).Build()
			if _, err := table.readManifest(context.Background(), key, file); err != nil && !errors.Is(err, tael.ErrDamaged) {
				t.Errorf("%v is no damage", err)
			}
		}
	})
}

func FuzzManifestList(f *testing.F) {
	addSeeds(f, seeds(f, "*-s0-*.avro"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = guard(func() error { // its errors are of every kind; that it ends is the test
			list, err := iceberg.ReadManifestList(bytes.NewReader(data))
			for _, m := range list {
				_, _ = reroot(m.FilePath())
			}
			return err
		})
	})
}

func FuzzReroot(f *testing.F) {
	for _, s := range []string{"", "/", "file:///a/tael/spans/data/t/2026-01-02/x.parquet", "s3://b/metadata/v1.metadata.json", "data/../../x", "data//x/y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, stored string) {
		key, err := reroot(stored)
		if err != nil {
			return
		}
		if again, err := reroot("s3://elsewhere/" + key); err != nil || again != key {
			t.Errorf("%q: %q, and again %q (%v)", stored, key, again, err)
		}
	})
}

func TestReroot(t *testing.T) {
	for stored, want := range map[string]string{
		"file:///old/place/tael/spans/data/acme/2026-11-20/a-1-1-x.parquet": "tael/spans/data/acme/2026-11-20/a-1-1-x.parquet",
		"s3://bucket/data/data/data/2026-11-20/data.parquet":                "tael/spans/data/data/2026-11-20/data.parquet",
		"/metadata/snap.avro":              "tael/spans/metadata/snap.avro",
		"s3://bucket/elsewhere/x.parquet":  "",
		"data/acme/2026-11-20/x/y.parquet": "",
		"":                                 "",
	} {
		got, err := reroot(stored)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", stored, got, err, want)
		}
	}
	for _, tenant := range []string{"acme", "data", "metadata", "v1.metadata.json"} {
		key := fileName(tenant, 20777, nodeA, 1, 2, "random") + dataSuffix
		if got, err := reroot("s3://b/p/" + key); err != nil || got != key {
			t.Errorf("%s: %s, %v", key, got, err)
		}
		if !owned(key, nodeA) || owned(key, nodeB) {
			t.Errorf("%s has a wrong owner", key)
		}
	}
}
