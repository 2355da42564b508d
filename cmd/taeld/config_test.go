package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/taeldb/tael/engine"
	"github.com/taeldb/tael/ingest/otlp"
)

// file writes a configuration file.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "taeld.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// configured gives what taeld config says, by name.
func configured(t *testing.T, args ...string) map[string]setting {
	t.Helper()
	out, err := command(t, append([]string{"config", "--json"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	var list []setting
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	by := map[string]setting{}
	for _, s := range list {
		by[s.Name] = s
	}
	return by
}

func TestPrecedence(t *testing.T) {
	path := file(t, "hot-max-age: 3m\nretention: 7d\ns3-path-style: true\nquery-max-rows: 5\nflush-share: 0.25\nmax-disk: 10GB\nmin-free-disk: 1048576\n")
	for _, c := range []struct {
		name          string
		args          []string
		env           map[string]string
		option, value string
		source        string
	}{
		{"default", nil, nil, "hot-max-age", "10m", "default"},
		{"file", []string{"--config", path}, nil, "hot-max-age", "3m", "file " + path},
		{"file by another spelling", []string{"--config=" + path}, nil, "retention", "7d", "file " + path},
		{"file named by the environment", nil, map[string]string{"TAEL_CONFIG": path}, "retention", "7d", "file " + path},
		{"flag names the file, not the environment", []string{"--config", path}, map[string]string{"TAEL_CONFIG": "/nonexistent"}, "retention", "7d", "file " + path},
		{"environment", nil, map[string]string{"TAEL_HOT_MAX_AGE": "4m"}, "hot-max-age", "4m", "environment TAEL_HOT_MAX_AGE"},
		{"environment over file", []string{"--config", path}, map[string]string{"TAEL_HOT_MAX_AGE": "4m"}, "hot-max-age", "4m", "environment TAEL_HOT_MAX_AGE"},
		{"flag over environment", []string{"--hot-max-age=5m"}, map[string]string{"TAEL_HOT_MAX_AGE": "4m"}, "hot-max-age", "5m", "flag"},
		{"flag over all", []string{"--config", path, "--hot-max-age", "5m"}, map[string]string{"TAEL_HOT_MAX_AGE": "4m"}, "hot-max-age", "5m", "flag"},
		{"truth in a file", []string{"--config", path}, nil, "s3-path-style", "true", "file " + path},
		{"flag against the truth in a file", []string{"--config", path, "--s3-path-style=false"}, nil, "s3-path-style", "false", "flag"},
		{"environment against the truth in a file", []string{"--config", path}, map[string]string{"TAEL_S3_PATH_STYLE": "false"}, "s3-path-style", "false", "environment TAEL_S3_PATH_STYLE"},
		{"number in a file", []string{"--config", path}, nil, "query-max-rows", "5", "file " + path},
		{"fraction in a file", []string{"--config", path}, nil, "flush-share", "0.25", "file " + path},
		{"size with a unit in a file", []string{"--config", path}, nil, "max-disk", "10GB", "file " + path},
		{"size in bytes in a file", []string{"--config", path}, nil, "min-free-disk", "1MiB", "file " + path},
		{"first of two variables", nil, map[string]string{"TAEL_HTTP_ADDR": "127.0.0.1:1", "TAEL_REST_API_ADDR": "127.0.0.1:2"}, "http-addr", "127.0.0.1:1", "environment TAEL_HTTP_ADDR"},
		{"second of two variables", nil, map[string]string{"TAEL_REST_API_ADDR": "127.0.0.1:2"}, "http-addr", "127.0.0.1:2", "environment TAEL_REST_API_ADDR"},
		{"empty address is off", []string{"--otlp-grpc-addr="}, nil, "otlp-grpc-addr", "", "flag"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			got := configured(t, c.args...)[c.option]
			if got.Value != c.value || got.Source != c.source {
				t.Fatalf("%s is %q from %s, want %q from %s", c.option, got.Value, got.Source, c.value, c.source)
			}
		})
	}
}

func TestBadConfigurationIsNamed(t *testing.T) {
	for _, c := range []struct {
		name  string
		args  []string
		env   map[string]string
		file  string
		words string
	}{
		{name: "unknown key", file: "hot-max-age: 3m\nhot-max-ages: 3m\n", words: "unknown key hot-max-ages"},
		{name: "every unknown key", file: "aaa: 1\nbbb: 2\n", words: "aaa bbb"},
		{name: "config in the file", file: "config: x\n", words: "unknown key config"},
		{name: "list for a value", file: "retention: [1, 2]\n", words: "retention one value"},
		{name: "map for a value", file: "s3: {endpoint: x}\n", words: "s3 one value"},
		{name: "no value", file: "retention:\n", words: "retention one value"},
		{name: "twice in the file", file: "retention: 1d\nretention: 2d\n", words: "retention already defined"},
		{name: "not YAML", file: "{{{", words: "configuration file"},
		{name: "no map", file: "just text", words: "configuration file"},
		{name: "bad time in the file", file: "hot-max-age: soon\n", words: "hot-max-age soon"},
		{name: "bad size in a flag", args: []string{"--max-disk=10XB"}, words: "max-disk 10XB"},
		{name: "bad time in the environment", env: map[string]string{"TAEL_RETENTION": "forever"}, words: "retention forever"},
		{name: "bad number in the environment", env: map[string]string{"TAEL_QUERY_MAX_ROWS": "many"}, words: "query-max-rows many"},
		{name: "bad level", args: []string{"--log-level=loud"}, words: "log-level loud debug"},
		{name: "bad sync", args: []string{"--sync=never"}, words: "sync never always"},
		{name: "short retention", args: []string{"--retention=1h"}, words: "retention 24h"},
		{name: "share over 1", args: []string{"--flush-share=2"}, words: "flush-share"},
		{name: "little memory", args: []string{"--memory-limit=1MiB"}, words: "memory-limit"},
		{name: "no span fits", args: []string{"--max-span-bytes=0"}, words: "span bytes"},
		{name: "bad cold url", args: []string{"--cold-url=ftp://x"}, words: "cold-url ftp"},
		{name: "bad endpoint", args: []string{"--s3-endpoint=127.0.0.1:9000"}, words: "endpoint http://host:port"},
		{name: "certificate without key", args: []string{"--tls-cert=x"}, words: "tls-cert tls-key both"},
		{name: "no port", args: []string{"--http-addr=localhost"}, words: "http-addr host:port"},
		{name: "no REST address", args: []string{"--http-addr="}, words: "http-addr address"},
		{name: "all addresses without tokens", args: []string{"--http-addr=:7701"}, words: "http-addr auth-token-file insecure-listen"},
		{name: "an address of a machine without tokens", args: []string{"--otlp-grpc-addr=0.0.0.0:4317", "--otlp-http-addr=[::]:4318"}, words: "otlp-grpc-addr otlp-http-addr tokens"},
		{name: "several at once", args: []string{"--retention=1h", "--sync=never", "--tls-key=x", "--otlp-max-body-bytes=0"}, words: "retention sync tls-key body"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := c.args
			if c.file != "" {
				args = append(args, "--config", file(t, c.file))
			}
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			for _, sub := range []string{"config", "serve"} { // serve ends before it opens anything
				_, err := command(t, append([]string{sub}, args...)...)
				if err == nil {
					t.Fatalf("%s takes it", sub)
				}
				for _, want := range strings.Fields(c.words) {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%s: %q is not in %q", sub, want, err)
					}
				}
			}
		})
	}
	if _, err := command(t, "serve", "--config", "/nonexistent.yaml"); err == nil || !strings.Contains(err.Error(), "/nonexistent.yaml") {
		t.Fatal(err)
	}
}

func TestAddressesBeyondLoopback(t *testing.T) {
	for _, args := range [][]string{
		{"--http-addr=localhost:7701"}, {"--http-addr=[::1]:7701"}, {"--http-addr=127.9.9.9:7701"},
		{"--http-addr=:7701", "--insecure-listen"}, {"--http-addr=0.0.0.0:7701", "--auth-token-file=tokens"},
	} {
		configured(t, args...)
	}
}

// serveFlagsOf gives kong's flags of serve, and the values that they have without any configuration.
func serveFlagsOf(t *testing.T) ([]*kong.Flag, *serveFlags) {
	t.Helper()
	var c commands
	parser, err := kong.New(&c, kong.Name("taeld"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := parser.Parse([]string{"serve"})
	if err != nil {
		t.Fatal(err)
	}
	var flags []*kong.Flag
	for _, f := range ctx.Selected().Flags {
		if f.Name != "help" {
			flags = append(flags, f)
		}
	}
	return flags, &c.Serve.serveFlags
}

func TestEveryOptionHasAVariableAndHelp(t *testing.T) {
	flags, _ := serveFlagsOf(t)
	if len(flags) < 30 {
		t.Fatalf("only %d flags", len(flags))
	}
	for _, f := range flags {
		want := "TAEL_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if len(f.Envs) == 0 || f.Envs[0] != want {
			t.Errorf("%s: variables %v, want %s first", f.Name, f.Envs, want)
		}
		if f.Help == "" || !strings.HasSuffix(f.Help, ".") {
			t.Errorf("%s: help %q", f.Name, f.Help)
		}
		if f.Group == nil && f.Name != "config" {
			t.Errorf("%s has no group", f.Name)
		}
		if !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(f.Name) {
			t.Errorf("%s is not a plain name", f.Name)
		}
	}
}

func TestDefaultsAreThoseOfThePackages(t *testing.T) {
	_, f := serveFlagsOf(t)
	got, err := f.engineOptions(nil, nil)
	if err == nil {
		t.Fatal("an engine without a logger is taken")
	}
	want := engine.DefaultOptions()
	want.DataDir = "./data"
	compare := func(got, want reflect.Value) {
		for i := range got.NumField() {
			if !got.Type().Field(i).IsExported() {
				continue
			}
			name := got.Type().Field(i).Name
			switch name {
			case "Now", "Logger", "Hook", "Register":
				continue
			}
			if g, w := got.Field(i).Interface(), want.Field(i).Interface(); !reflect.DeepEqual(g, w) {
				t.Errorf("%s.%s is %v by flags, %v in the package", got.Type(), name, g, w)
			}
		}
	}
	compare(reflect.ValueOf(got), reflect.ValueOf(want))
	receiver, err := f.receiverOptions(nil, nil)
	if err == nil {
		t.Fatal("a receiver without a logger is taken")
	}
	compare(reflect.ValueOf(receiver), reflect.ValueOf(otlp.DefaultOptions()))
	if err := f.check(); err != nil {
		t.Fatalf("the defaults are not valid: %v", err)
	}
}

func TestBytesInFlightFollowTheMemoryLimit(t *testing.T) {
	for _, c := range []struct{ memory, body, limit, want int64 }{
		{1 << 30, 64 << 20, 128 << 20, 128 << 20}, {8 << 30, 64 << 20, 128 << 20, 128 << 20}, {8 << 30, 64 << 20, 1 << 30, 1 << 30},
		{256 << 20, 64 << 20, 128 << 20, 64<<20 + 1}, {256 << 20, 1 << 20, 128 << 20, 32 << 20},
	} {
		f := serveFlags{MemoryLimit: bytesValue(c.memory), OTLPMaxBody: bytesValue(c.body), OTLPMaxInflight: bytesValue(c.limit)}
		if got := f.inflight(); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

func TestSync(t *testing.T) {
	for text, want := range map[string]time.Duration{"always": 0, "1ms": time.Millisecond, "200ms": 200 * time.Millisecond, "1m": time.Minute} {
		if got, err := parseSync(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "0s", "-1s", "2m", "never", "100"} {
		if got, err := parseSync(text); err == nil {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
}
