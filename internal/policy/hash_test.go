package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/golden"
	"github.com/reusewatch/reusewatch/internal/judge"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// TestJSON compares with testdata/policy.json.
func TestJSON(t *testing.T) {
	base := testBase()
	base.Given = judge.Override{
		Action: new(listener.Close), AllowSole: new(false), Budget: &judge.Budget{Acts: 3, Per: time.Hour},
	}
	base.Scope = listener.Filter{Comms: []string{"<a&b>"}, Netns: []uint32{4026531840}}
	p, err := Load("testdata/policy.yaml", base)
	if err != nil {
		t.Fatal(err)
	}
	text, err := JSON(p)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := json.Indent(&got, append(text, '\n'), "", "  "); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "policy.json", got.Bytes())
	if sum := sha256.Sum256(text); Hash(p) != hex.EncodeToString(sum[:]) {
		t.Errorf("the hash is %s, of the JSON %x", Hash(p), sum)
	}
}

func TestHashStays(t *testing.T) {
	load := func() judge.Policy {
		p, err := Load("testdata/policy.yaml", testBase())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	want, p := Hash(load()), load()
	p.Self = []int{7}
	p.Given.StuckAfter = nil
	p.Rules[0].Match.Comms = []string{} // none, as nil
	if got := Hash(p); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if Hash(judge.Policy{}) != Hash(judge.Policy{Protect: []string{}, Rules: []judge.Rule{}}) {
		t.Error("empty lists are not as none")
	}
}

// TestHashChanges: each single change of whatever a policy holds gives a hash of
// its own. It finds the fields itself, so that one that is added is not forgotten.
func TestHashChanges(t *testing.T) {
	var p judge.Policy
	n := 0
	fill(t, reflect.ValueOf(&p).Elem(), &n)
	seen := map[string]string{Hash(p): "as it was"}
	changes(t, reflect.ValueOf(&p).Elem(), "Policy", func(what string) {
		got := Hash(p)
		if other, again := seen[got]; again {
			t.Errorf("%s: the same hash as %s", what, other)
		}
		seen[got] = what
	})
	if got := Hash(p); seen[got] != "as it was" {
		t.Errorf("not undone: %s", seen[got])
	}
	if len(seen) < 150 {
		t.Errorf("only %d changes tried", len(seen))
	}
}

// fill gives every field a value of its own, and every list two.
func fill(t *testing.T, v reflect.Value, n *int) {
	*n++
	if v.Type() == reflect.TypeFor[netip.Prefix]() {
		v.Set(reflect.ValueOf(prefix(*n)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0), n)
		fill(t, v.Index(1), n)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint16, reflect.Uint32:
		v.SetUint(uint64(*n))
	case reflect.String:
		v.SetString(fmt.Sprint("v", *n))
	default:
		t.Fatalf("fill does not know %s", v.Type())
	}
}

func prefix(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), 32)
}

// changes makes each single change to v, calls try, and undoes it.
func changes(t *testing.T, v reflect.Value, path string, try func(what string)) {
	to := func(what string, other reflect.Value) {
		was := reflect.New(v.Type()).Elem()
		was.Set(v)
		v.Set(other.Convert(v.Type()))
		try(path + what)
		v.Set(was)
	}
	if v.Type() == reflect.TypeFor[netip.Prefix]() {
		to(" moved", reflect.ValueOf(netip.MustParsePrefix("10.9.9.9/32")))
		to(" wider", reflect.ValueOf(netip.MustParsePrefix("10.9.9.9/31")))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); path != "Policy" || f.Name != "Self" {
				changes(t, v.Field(i), path+"."+f.Name, try)
			}
		}
	case reflect.Pointer:
		to(" unset", reflect.Zero(v.Type()))
		changes(t, v.Elem(), path, try)
	case reflect.Slice:
		to(" emptied", reflect.Zero(v.Type()))
		to(" shortened", v.Slice(0, 1))
		to(" longer", reflect.Append(v, v.Index(0)))
		to(" reversed", reflect.Append(v.Slice(1, 2), v.Index(0)))
		changes(t, v.Index(0), path+"[0]", try)
		changes(t, v.Index(1), path+"[1]", try)
	case reflect.Bool:
		to(" flipped", reflect.ValueOf(!v.Bool()))
	case reflect.Int, reflect.Int64:
		to(" more", reflect.ValueOf(v.Int()+1000))
		to(" zero", reflect.ValueOf(0))
	case reflect.Uint16, reflect.Uint32:
		to(" more", reflect.ValueOf(v.Uint()+1000))
		to(" zero", reflect.ValueOf(0))
	case reflect.String:
		if v.Type() == reflect.TypeFor[listener.Action]() {
			to(" another", reflect.ValueOf(listener.Close))
			return
		}
		if v.Type() == reflect.TypeFor[listener.Place]() {
			to(" another", reflect.ValueOf(listener.Anywhere))
			return
		}
		for _, s := range []string{"x", "\xff", "\xfe", "hex:ff", "\ufffd", "\\xff", ""} {
			to(fmt.Sprintf(" %q", s), reflect.ValueOf(s))
		}
	default:
		t.Fatalf("changes does not know %s", v.Type())
	}
}

// TestJSONNames: the settings are called as in the file.
func TestJSONNames(t *testing.T) {
	text, err := JSON(judge.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Defaults map[string]any }
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, key := range settingKeys() {
		want = append(want, strings.ReplaceAll(key, "-", "_"))
	}
	for key := range got.Defaults {
		if !slices.Contains(want, key) {
			t.Errorf("%s is no setting of the file", key)
		}
	}
	if len(got.Defaults) != len(want) {
		t.Errorf("%v, want %q", got.Defaults, want)
	}
}
