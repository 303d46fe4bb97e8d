package wire

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// jsonSigns are the signs of life by their names, in the order of the table; one that
// was not judged is null, and so are all of a listener that is not stuck.
type jsonSigns []listener.SignSeen

type jsonSign struct {
	Alive listener.Maybe[bool] `json:"alive"` // null: not known, which counts as life
	Value string               `json:"value"`
}

// names are those of the table, and after them whatever a later version has beside.
func (s jsonSigns) names() []listener.Sign {
	rows := listener.Signs()
	names := make([]listener.Sign, 0, len(rows))
	for _, row := range rows {
		names = append(names, row.Sign)
	}
	for _, seen := range s {
		if !slices.Contains(names, seen.Sign) {
			names = append(names, seen.Sign)
		}
	}
	return names
}

// MarshalJSON writes one object.
func (s jsonSigns) MarshalJSON() ([]byte, error) {
	if len(s) == 0 {
		return []byte("null"), nil
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range s.names() {
		if i > 0 {
			b.WriteByte(',')
		}
		var sign *jsonSign
		if k := slices.IndexFunc(s, func(seen listener.SignSeen) bool { return seen.Sign == name }); k >= 0 {
			sign = &jsonSign{s[k].Alive, s[k].Value}
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(sign)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads it back, in the order of the table.
func (s *jsonSigns) UnmarshalJSON(b []byte) error {
	var in map[listener.Sign]*jsonSign
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*s = nil
	take := func(name listener.Sign) {
		if sign := in[name]; sign != nil {
			*s = append(*s, listener.SignSeen{Sign: word(name), Alive: sign.Alive, Value: sign.Value})
		}
		delete(in, name)
	}
	for _, row := range listener.Signs() {
		take(row.Sign)
	}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		take(name)
	}
	return nil
}

// holding are the signs that speak for the process: they show, or may.
func holding(signs []listener.SignSeen) []listener.Sign {
	names := []listener.Sign{}
	for i := range signs {
		if signs[i].Holds() {
			names = append(names, signs[i].Sign)
		}
	}
	return names
}
