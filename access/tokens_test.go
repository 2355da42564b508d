package access

import (
	"errors"
	"strings"
	"testing"

	"github.com/taeldb/tael"
)

func TestAuthorize(t *testing.T) {
	tokens, err := ReadTokens(strings.NewReader(`
# everybody's
all-0123456789abcdef
acme-0123456789abcdef tenant=acme
read-0123456789abcdef tenant=acme role=read
ops-0123456789abcdef role=read,admin
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, header, tenant string
		need                 Role
		want                 string
		err                  error
	}{
		{"no header", "", "", RoleRead, "", ErrUnauthenticated},
		{"another scheme", "Basic all-0123456789abcdef", "", RoleRead, "", ErrUnauthenticated},
		{"unknown", "Bearer nobody-0123456789abcdef", "", RoleRead, "", ErrUnauthenticated},
		{"prefix of a token", "Bearer all-0123456789abcde", "", RoleRead, "", ErrUnauthenticated},
		{"any tenant, none named", "Bearer all-0123456789abcdef", "", RoleWrite, "default", nil},
		{"any tenant, one named", "bearer all-0123456789abcdef", "b", RoleAdmin, "b", nil},
		{"bound, none named", "Bearer acme-0123456789abcdef", "", RoleWrite, "acme", nil},
		{"bound, its own", "Bearer acme-0123456789abcdef", "acme", RoleWrite, "acme", nil},
		{"bound, another's", "Bearer acme-0123456789abcdef", "other", RoleWrite, "", ErrForbidden},
		{"role missing", "Bearer read-0123456789abcdef", "", RoleWrite, "", ErrForbidden},
		{"role there", "Bearer ops-0123456789abcdef", "x", RoleAdmin, "x", nil},
		{"bad tenant", "Bearer all-0123456789abcdef", "a/b", RoleRead, "", tael.ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := tokens.Authorize(c.header, c.tenant, c.need)
			if got != c.want || !errors.Is(err, c.err) {
				t.Fatalf("got %q, %v; want %q, %v", got, err, c.want, c.err)
			}
		})
	}
	if got, err := (*Tokens)(nil).Authorize("", "", allRoles); got != tael.DefaultTenant || err != nil {
		t.Fatalf("no tokens: got %q, %v", got, err)
	}
}

func TestReadTokensReportsEveryBadLine(t *testing.T) {
	_, err := ReadTokens(strings.NewReader("short\nlong-enough-token-1 tenant=a/b\nlong-enough-token-2 role=king\nlong-enough-token-3 who=me\n" +
		"long-enough-token-4\nlong-enough-token-4\nlong-enough-token-5 long-enough-token-6\n"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"line 1", "line 2", "line 3", "line 4", "line 6", "line 7: invalid: word 2"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	if strings.Contains(err.Error(), "long-enough-token") {
		t.Errorf("the error shows a token: %v", err)
	}
	if _, err := ReadTokens(strings.NewReader("# nothing\n")); !errors.Is(err, tael.ErrInvalid) {
		t.Fatalf("empty file: %v", err)
	}
}
