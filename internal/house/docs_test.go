package house

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// link matches the target of a Markdown link or image: [text](target "title").
var link = regexp.MustCompile(`\]\(([^)\s]+)(?:\s+"[^"]*")?\)`)

// prose is the text without what stands in code, where brackets are not links.
func prose(text string) string {
	var out strings.Builder
	fenced := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if fenced || strings.HasPrefix(line, "    ") {
			continue
		}
		out.WriteString(regexp.MustCompile("`[^`]*`").ReplaceAllString(line, ""))
	}
	return out.String()
}

func TestRelativeLinksResolve(t *testing.T) {
	top := root(t)
	walk(t, ".md", func(rel, text string) {
		for _, m := range link.FindAllStringSubmatch(prose(text), -1) {
			target := m[1]
			u, err := url.Parse(target)
			if err != nil {
				t.Errorf("%s links to %q: %v", rel, target, err)
				continue
			}
			if u.IsAbs() || u.Host != "" || u.Path == "" {
				continue
			}
			to := path.Join(path.Dir(rel), u.Path)
			if strings.HasPrefix(u.Path, "/") {
				to = strings.TrimPrefix(u.Path, "/")
			}
			if _, err := os.Stat(filepath.Join(top, filepath.FromSlash(to))); err != nil {
				t.Errorf("%s links to %s, which is not there", rel, target)
			}
		}
	})
}

func TestIndexesNameEveryPage(t *testing.T) {
	top := root(t)
	for _, folder := range []string{"adr", "formats", "gaps"} {
		dir := filepath.Join(top, "docs", folder)
		index, err := os.ReadFile(filepath.Join(dir, "README.md"))
		if err != nil {
			t.Errorf("docs/%s has no index: run make docs-index (%v)", folder, err)
			continue
		}
		linked := map[string]bool{}
		for _, m := range link.FindAllStringSubmatch(string(index), -1) {
			linked[m[1]] = true
		}
		pages, err := filepath.Glob(filepath.Join(dir, "*.md"))
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			if name := filepath.Base(page); name != "README.md" && !linked[name] {
				t.Errorf("docs/%s/README.md does not name %s: run make docs-index", folder, name)
			}
		}
	}
}

var adrName = regexp.MustCompile(`^(\d{3})-[a-z0-9-]+\.md$`)

func TestDecisionsAreNumberedOnce(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root(t), "docs", "adr", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string]string{}
	for _, page := range pages {
		name := filepath.Base(page)
		if name == "README.md" {
			continue
		}
		m := adrName.FindStringSubmatch(name)
		if m == nil {
			t.Errorf("docs/adr/%s is not named NNN-title.md", name)
			continue
		}
		if other, ok := numbers[m[1]]; ok {
			t.Errorf("docs/adr has %s twice: %s and %s", m[1], other, name)
		}
		numbers[m[1]] = name
	}
}
