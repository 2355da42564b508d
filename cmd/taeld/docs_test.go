package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/configuration.md")

const configurationHead = `# Configuration

This page is written by ` + "`go test ./cmd/taeld -run TestConfigurationPage -update`" + `.

Every option of ` + "`taeld serve`" + ` is a flag, an environment variable and a key of a YAML file that ` + "`--config`" + ` (or ` + "`TAEL_CONFIG`" + `) names. A flag wins over the environment,
the environment over the file, the file over the default. An unknown key or a value that cannot be read stops the start and is named.
` + "`taeld config`" + ` prints the result, with the source of each value, and checks it; it takes the same flags.

    # taeld.yaml
    data-dir: /var/lib/tael
    hot-max-age: 5m
    retention: 14d

Sizes are bytes, or have a unit: ` + "`256MiB`, `10GB`" + `. Times have a unit: ` + "`200ms`, `90s`, `10m`, `12h`, `30d`" + `.

Credentials for S3 come from the standard AWS places: ` + "`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, `~/.aws`" + `, web identity, container and instance roles.
`

// configurationPage writes the table of options out of the flags.
func configurationPage(t *testing.T) string {
	var b strings.Builder
	b.WriteString(configurationHead)
	flags, _ := serveFlagsOf(t)
	group := ""
	for _, f := range flags {
		if f.Name == "config" {
			continue
		}
		if f.Group.Key != group {
			group = f.Group.Key
			fmt.Fprintf(&b, "\n## %s\n\n| Flag | Environment | YAML key | Default | |\n|---|---|---|---|---|\n", group)
		}
		value := ""
		if f.HasDefault {
			value = "`" + f.Default + "`"
		} else if f.IsBool() {
			value = "`false`"
		}
		help := strings.ReplaceAll(f.Help, "${enum}", strings.ReplaceAll(f.Enum, ",", ", "))
		help = strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;").Replace(help)
		fmt.Fprintf(&b, "| `--%s` | `%s` | `%s` | %s | %s |\n", f.Name, strings.Join(f.Envs, "`, `"), f.Name, value, help)
	}
	return b.String()
}

func TestConfigurationPageIsCurrent(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "configuration.md")
	want := configurationPage(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Fatalf("docs/configuration.md is not what the flags say (%v): run go test ./cmd/taeld -run TestConfigurationPage -update", err)
	}
}

// logged finds the message of a call of a logger at info or above.
var logged = regexp.MustCompile(`(?:\.(?:Info|Warn|Error)\(|\.(?:Info|Warn|Error)Context\([a-zA-Z.()]+, |\.(?:Log|LogAttrs)\([a-zA-Z.()]+, (?:slog\.LevelWarn|slog\.LevelInfo|slog\.LevelError|level), )"([^"]+)"`)

// TestOperationsPageNamesEveryLogMessage keeps the page useful to who reads a log.
func TestOperationsPageNamesEveryLogMessage(t *testing.T) {
	page := operations(t)
	found := 0
	for _, dir := range []string{"engine", "api", "ingest", "cmd", "access", "fragment"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range logged.FindAllStringSubmatch(string(b), -1) {
				found++
				if !strings.Contains(page, "`"+m[1]+"`") {
					t.Errorf("%s logs %q, and docs/operations.md does not say what to do about it", path, m[1])
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 30 {
		t.Errorf("only %d log messages were found", found)
	}
}

func operations(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var metric = regexp.MustCompile(`(?m)^# TYPE (tael_\w+)`)

// checkMetrics wants every metric of ours on the page, and no other.
func checkMetrics(t *testing.T, exposed string) {
	t.Helper()
	page := operations(t)
	known := map[string]bool{}
	for _, m := range metric.FindAllStringSubmatch(exposed, -1) {
		known[m[1]] = true
		if !strings.Contains(page, "`"+m[1]+"`") {
			t.Errorf("docs/operations.md does not name the metric %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`(tael_[a-z_]+)").FindAllStringSubmatch(page, -1) {
		if !known[m[1]] {
			t.Errorf("docs/operations.md names the metric %s, which is not there", m[1])
		}
	}
}
