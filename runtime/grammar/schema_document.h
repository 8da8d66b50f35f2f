// SchemaDocument: a JSON Schema and the documents that it refers to, and where in them a reference leads.
//
// Ownership: views the schema and the other documents, which must outlive it. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace pumice::grammar {

using NodeId = uint32_t;

class SchemaDocument {
 public:
  struct Node {
    const Json* json = nullptr;
    std::string base;       // the URI that references inside are relative to
    std::string pointer;    // for messages: where it stands
    bool constant = false;  // the value itself instead of a schema
  };

  // reference_alone: keywords beside $ref mean nothing.
  SchemaDocument(const Json& root, const std::map<std::string, Json>& remotes, bool reference_alone);

  NodeId root() const { return 0; }
  const Node& node(NodeId id) const { return nodes_[id]; }
  // The schema at a keyword of a schema, or deeper: /keyword/key.
  NodeId child(NodeId parent, const Json& json, const std::string& keyword, const std::string& key = {});
  NodeId constant(NodeId parent, const Json& value, const std::string& keyword);
  // Errors: kUnsupported or kMalformed where a reference leads nowhere.
  Result<NodeId> resolve(NodeId from, const std::string& reference);

 private:
  NodeId add(const Json& json, std::string base, std::string pointer, bool constant);
  std::string base_inside(const Json& schema, const std::string& outer) const;  // by its $id
  void index(const Json& json, const std::string& base, const std::string& pointer, int depth);
  void index_resource(const Json& json, const std::string& uri, const std::string& pointer);
  struct Place {
    const Json* json = nullptr;
    std::string base, pointer;
  };
  Result<Place> follow(Place from, std::string_view fragment) const;

  const std::map<std::string, Json>& remotes_;
  bool reference_alone_;
  std::deque<Node> nodes_;
  std::unordered_map<const Json*, NodeId> node_of_, constant_of_;
  std::map<std::string, Place> places_;  // by URI, with #anchor
};

// RFC 3986, section 5.2. Without normalisation of anything but dots.
std::string resolved_uri(const std::string& base, const std::string& reference);

// A key as a step of a JSON pointer.
std::string pointer_step(std::string_view key);

}  // namespace pumice::grammar
