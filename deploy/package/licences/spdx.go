package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"
)

// The parts of SPDX 2.3 that are told.
type spdxDocument struct {
	Version       string             `json:"spdxVersion"`
	DataLicence   string             `json:"dataLicense"`
	ID            string             `json:"SPDXID"`
	Name          string             `json:"name"`
	Namespace     string             `json:"documentNamespace"`
	Creation      spdxCreation       `json:"creationInfo"`
	Packages      []spdxPackage      `json:"packages"`
	Relationships []spdxRelationship `json:"relationships"`
}

type spdxCreation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	ID        string         `json:"SPDXID"`
	Name      string         `json:"name"`
	Version   string         `json:"versionInfo"`
	Download  string         `json:"downloadLocation"`
	Analyzed  bool           `json:"filesAnalyzed"`
	Concluded string         `json:"licenseConcluded"`
	Declared  string         `json:"licenseDeclared"`
	Copyright string         `json:"copyrightText"`
	Checksums []spdxChecksum `json:"checksums,omitempty"`
	Refs      []spdxRef      `json:"externalRefs,omitempty"`
}

type spdxChecksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type spdxRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type spdxRelationship struct {
	From string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

// document describes one binary; epoch is its time in seconds.
func document(binary, version, epoch string, parts []part) ([]byte, error) {
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("SOURCE_DATE_EPOCH %q: %w", epoch, err)
	}
	b, err := os.ReadFile(binary)
	if err != nil {
		return nil, fmt.Errorf("read the binary: %w", err)
	}
	sum := sha256.Sum256(b)
	hash := hex.EncodeToString(sum[:])
	const main = "SPDXRef-reusewatch"
	d := spdxDocument{
		Version: "SPDX-2.3", DataLicence: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: "reusewatch-" + version,
		Namespace: "https://github.com/reusewatch/reusewatch/spdx/" + hash,
		Creation:  spdxCreation{time.Unix(seconds, 0).UTC().Format(time.RFC3339), []string{"Tool: reusewatch deploy/package/licences"}},
		Packages: []spdxPackage{{
			ID: main, Name: "reusewatch", Version: version, Download: "NOASSERTION", Concluded: "Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)",
			Declared: "Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)", Copyright: "the reusewatch authors",
			Checksums: []spdxChecksum{{"SHA256", hash}},
		}},
		Relationships: []spdxRelationship{{"SPDXRef-DOCUMENT", "DESCRIBES", main}},
	}
	for i, p := range parts {
		id, locator := fmt.Sprintf("SPDXRef-%d", i), "pkg:golang/"+p.name+"@"+p.version
		if p.name == "go" {
			locator = "pkg:golang/stdlib@" + p.version
		}
		d.Packages = append(d.Packages, spdxPackage{
			ID: id, Name: p.name, Version: p.version, Download: "NOASSERTION", Concluded: p.licence, Declared: p.licence,
			Copyright: p.holders[0], Refs: []spdxRef{{"PACKAGE-MANAGER", "purl", locator}},
		})
		d.Relationships = append(d.Relationships, spdxRelationship{main, "STATIC_LINK", id})
	}
	return json.MarshalIndent(d, "", "  ")
}
