package house

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/taeldb/tael"

// goFile is one Go file of the module, whatever its build tags.
type goFile struct {
	path    string   // relative to the module's root, with slashes
	imports []string // import paths
	lines   int
	text    string
}

func (f goFile) dir() string  { return filepath.ToSlash(filepath.Dir(f.path)) }
func (f goFile) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// within says whether the file lies in the folder or below it; "." is the root package alone.
func (f goFile) within(folder string) bool {
	d := f.dir()
	return d == folder || folder != "." && strings.HasPrefix(d, folder+"/")
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}

// walk calls visit for each file of the tree with the extension, but not for what was built or is data.
func walk(t *testing.T, ext string, visit func(rel, text string)) {
	t.Helper()
	top := root(t)
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			switch {
			case rel == ".git", rel == "bin", rel == "data", rel == "bench/out", d.Name() == "testdata", d.Name() == "node_modules":
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ext || !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		visit(rel, string(text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	fset := token.NewFileSet()
	walk(t, ".go", func(rel, text string) {
		f := goFile{path: rel, text: text, lines: strings.Count(text, "\n")}
		tree, err := parser.ParseFile(fset, rel, text, parser.ImportsOnly)
		if err != nil {
			t.Fatalf("%s does not parse: %v", rel, err)
		}
		for _, spec := range tree.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatalf("%s: import %s: %v", rel, spec.Path.Value, err)
			}
			f.imports = append(f.imports, path)
		}
		files = append(files, f)
	})
	if len(files) < 5 {
		t.Fatalf("only %d Go files found: the rules would pass on nothing", len(files))
	}
	sort.Slice(files, func(a, b int) bool { return files[a].path < files[b].path })
	return files
}

// under says whether an import path is the package or one below it.
func under(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}
