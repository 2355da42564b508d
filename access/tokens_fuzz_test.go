package access

import (
	"errors"
	"strings"
	"testing"

	"github.com/taeldb/tael"
)

// FuzzReadTokens reads any file: an error is the operator's, and what is read lets nobody in without a token of it.
func FuzzReadTokens(f *testing.F) {
	f.Add("0123456789abcdef tenant=shop role=read,write\n# nothing\n\n0123456789abcdeg\n")
	f.Add("short\n0123456789abcdef role=\n0123456789abcdef\x00 who=me")
	f.Fuzz(func(t *testing.T, file string) {
		tokens, err := ReadTokens(strings.NewReader(file))
		if err != nil {
			if !errors.Is(err, tael.ErrInvalid) && len(file) < 60_000 { // the scanner's limit of a line is its own error
				t.Errorf("not classed: %v", err)
			}
			return
		}
		for _, token := range []string{"", "Bearer", "Bearer ", "Bearer short", "Basic 0123456789abcdef"} {
			if tenant, err := tokens.Authorize(token, "", RoleRead); !errors.Is(err, ErrUnauthenticated) {
				t.Errorf("%q is let in as %q: %v", token, tenant, err)
			}
		}
	})
}
