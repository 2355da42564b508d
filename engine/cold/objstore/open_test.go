package objstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/internal/testkit/objstoretest"
)

func TestParseURL(t *testing.T) {
	good := map[string]objstore.Location{
		"file:///var/lib/tael":       {Path: "/var/lib/tael"},
		"file://localhost/var/x/":    {Path: "/var/x"},
		"file:///with%20space/%3Fq":  {Path: "/with space/?q"},
		"file:///a/../b":             {Path: "/b"},
		"/plain/path":                {Path: "/plain/path"},
		"s3://bucket":                {Bucket: "bucket"},
		"s3://bucket/":               {Bucket: "bucket"},
		"s3://my.bucket-1/a/b":       {Bucket: "my.bucket-1", Prefix: "a/b"},
		"s3://bucket/with%20space//": {Bucket: "bucket", Prefix: "with space"},
	}
	for raw, want := range good {
		if got, err := objstore.ParseURL(raw); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", raw, got, err, want)
		}
	}
	bad := map[string]string{ // and a word of the message
		"":                        "scheme",
		"relative/path":           "scheme",
		"file:relative":           "absolute",
		"file://relative/path":    "three slashes",
		"http://host/x":           "http is not supported",
		"gs://bucket/x":           "gs is not supported",
		"s3:///x":                 "no bucket",
		"s3:bucket":               "no bucket",
		"s3://key:secret@bucket":  "credentials",
		"s3://bucket:9000/x":      "no port",
		"s3://bucket/x?region=eu": "query",
		"s3://bucket/a/../b":      "leaves",
		"s3://bucket/a//b":        "empty segment",
		"file:///x#y":             "fragment",
		"file:///a%00b":           "zero byte",
		"://":                     "not a URL",
	}
	for raw, word := range bad {
		_, err := objstore.ParseURL(raw)
		if !errors.Is(err, objstore.ErrInvalid) || !strings.Contains(err.Error(), word) || !strings.Contains(err.Error(), "s3://bucket/prefix") {
			t.Errorf("%s: %v, want ErrInvalid that says %q", raw, err, word)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%v shows a secret", err)
		}
		openFails(t, raw, objstore.S3Options{}, objstore.ErrInvalid)
	}
}

func TestOpenFolderSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	openFails(t, "file://"+file, objstore.S3Options{}, objstore.ErrInvalid, file)
	openFails(t, "file://"+file+"/below", objstore.S3Options{}, objstore.ErrInvalid, file)
	deep := filepath.Join(t.TempDir(), "a/b/c")
	open(t, "file://"+deep, objstore.S3Options{})
	if st, err := os.Stat(deep); err != nil || !st.IsDir() {
		t.Errorf("the folder was not made: %v", err)
	}
}

func FuzzCheckKey(f *testing.F) {
	for _, key := range objstoretest.BadKeys() {
		f.Add(key)
	}
	f.Add("spans/data/day=2026-11-29/0001.parquet")
	f.Fuzz(func(t *testing.T, key string) {
		err := objstore.CheckKey(key)
		if err != nil {
			if !errors.Is(err, objstore.ErrInvalid) {
				t.Errorf("%v is not ErrInvalid", err)
			}
			return
		}
		if !filepath.IsLocal(key) || filepath.Clean(key) != key || len(key) > 1024 {
			t.Errorf("%q was accepted", key)
		}
	})
}

func FuzzParseURL(f *testing.F) {
	for _, raw := range []string{"file:///a/b", "s3://b/p", "/x", "s3://u:p@b/p?q#f", "file://h/p", "s3://[::1]/x"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		loc, err := objstore.ParseURL(raw)
		switch {
		case err != nil:
			if !errors.Is(err, objstore.ErrInvalid) {
				t.Errorf("%v is not ErrInvalid", err)
			}
		case (loc.Path == "") == (loc.Bucket == ""):
			t.Errorf("%q gives %+v", raw, loc)
		case loc.Path != "" && !filepath.IsAbs(loc.Path):
			t.Errorf("%q gives a relative path %q", raw, loc.Path)
		case loc.Prefix != "" && objstore.CheckKey(loc.Prefix) != nil:
			t.Errorf("%q gives a bad prefix %q", raw, loc.Prefix)
		}
	})
}
