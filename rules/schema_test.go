package rules

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSchemaCanBeMade: every reader of rule files bears to be walked without a document.
func TestSchemaCanBeMade(t *testing.T) {
	s, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if s.Properties["holds"] == nil {
		t.Error("got no key holds")
	}
}

// TestEveryKeyIsDescribed, since editors show what is said of a key, and documents list it.
func TestEveryKeyIsDescribed(t *testing.T) {
	s, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range s.Undescribed() {
		t.Errorf("key %s has no description: add a sentence to keys.go", path)
	}
}

// TestSectionsAreThoseThatAreRead: they are told to who writes them into the configuration.
func TestSectionsAreThoseThatAreRead(t *testing.T) {
	s, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	read := slices.DeleteFunc(slices.Sorted(maps.Keys(s.Properties)), func(key string) bool { return s.Properties[key].Deprecated })
	if diff := cmp.Diff(read, slices.Sorted(slices.Values(Sections()))); diff != "" {
		t.Errorf("sections (-read +listed):\n%s", diff)
	}
}

// TestKeysOfOtherRulesAreKnownToOne: a hint that names a key that no section has would be for nothing.
func TestKeysOfOtherRulesAreKnownToOne(t *testing.T) {
	s, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool)
	for _, section := range Sections() {
		for key := range s.Properties[section].Items.Properties {
			known[key] = true
		}
	}
	for foreign, own := range ofOtherRules {
		for _, key := range own {
			if !known[key] {
				t.Errorf("%s leads to %s, which no rule has", foreign, key)
			}
		}
	}
}
