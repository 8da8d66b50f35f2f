#include "grammar/schema_document.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/printable.h"

namespace pumice::grammar {
namespace {

constexpr int kMaxSchemaDepth = 200;
constexpr const char* kHome = "schema:/";  // the base of a schema that names none

struct Uri {
  std::string scheme, authority, path, query, fragment;
  bool has_authority = false, has_query = false, has_fragment = false;
};

Uri split(std::string text) {
  Uri uri;
  if (const size_t at = text.find('#'); at != std::string::npos) {
    uri.fragment = text.substr(at + 1);
    uri.has_fragment = true;
    text.resize(at);
  }
  if (const size_t at = text.find('?'); at != std::string::npos) {
    uri.query = text.substr(at + 1);
    uri.has_query = true;
    text.resize(at);
  }
  if (const size_t at = text.find_first_of(":/"); at != std::string::npos && at > 0 && text[at] == ':') {
    uri.scheme = text.substr(0, at);
    text.erase(0, at + 1);
  }
  if (text.starts_with("//")) {
    const size_t at = std::min(text.find('/', 2), text.size());
    uri.authority = text.substr(2, at - 2);
    uri.has_authority = true;
    text.erase(0, at);
  }
  uri.path = text;
  return uri;
}

std::string joined_uri(const Uri& uri) {
  std::string text;
  if (!uri.scheme.empty()) text += uri.scheme + ":";
  if (uri.has_authority) text += "//" + uri.authority;
  text += uri.path;
  if (uri.has_query) text += "?" + uri.query;
  if (uri.has_fragment && !uri.fragment.empty()) text += "#" + uri.fragment;
  return text;
}

std::string without_dots(const std::string& path) {
  std::vector<std::string> steps;
  size_t from = 0;
  bool folder = false;
  while (from <= path.size()) {
    const size_t to = std::min(path.find('/', from), path.size());
    const std::string step = path.substr(from, to - from);
    folder = step == "." || step == "..";
    if (step == ".." && steps.size() > 1) steps.pop_back();
    if (!folder) steps.push_back(step);
    from = to + 1;
  }
  if (folder) steps.emplace_back();
  std::string result;
  for (size_t i = 0; i < steps.size(); ++i) result += (i > 0 ? "/" : "") + steps[i];
  return result;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    uint32_t value = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

std::string resolved_uri(const std::string& base_text, const std::string& reference) {
  const Uri base = split(base_text);
  Uri uri = split(reference);
  if (!uri.scheme.empty()) return joined_uri(uri);
  uri.scheme = base.scheme;
  if (!uri.has_authority) {
    uri.authority = base.authority;
    uri.has_authority = base.has_authority;
    if (uri.path.empty()) {
      uri.path = base.path;
      if (!uri.has_query) uri.query = base.query, uri.has_query = base.has_query;
    } else if (uri.path.front() != '/') {
      const size_t slash = base.path.rfind('/');
      uri.path = without_dots((slash == std::string::npos ? "/" : base.path.substr(0, slash + 1)) + uri.path);
    } else {
      uri.path = without_dots(uri.path);
    }
  }
  return joined_uri(uri);
}

std::string pointer_step(std::string_view key) {
  std::string step = "/";
  for (const char c : key) step += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return step;
}

SchemaDocument::SchemaDocument(const Json& root, const std::map<std::string, Json>& remotes, bool reference_alone)
    : remotes_(remotes), reference_alone_(reference_alone) {
  index_resource(root, kHome, "");
  add(root, base_inside(root, kHome), "", false);
}

std::string SchemaDocument::base_inside(const Json& schema, const std::string& outer) const {
  const Json* id = schema.find("$id");
  const bool idle = reference_alone_ && schema.find("$ref");
  return id && id->is_string() && !id->as_string().starts_with('#') && !idle ? resolved_uri(outer, id->as_string())
                                                                             : outer;
}

void SchemaDocument::index_resource(const Json& json, const std::string& uri, const std::string& pointer) {
  places_.insert_or_assign(uri, Place{&json, uri, pointer});
  index(json, uri, pointer, 0);
}

// Finds $id and anchors wherever a schema can stand.
void SchemaDocument::index(const Json& json, const std::string& outer, const std::string& pointer, int depth) {
  if (!json.is_object() || depth > kMaxSchemaDepth) return;
  if (reference_alone_ && json.find("$ref")) return;
  std::string base = outer;
  for (const char* name : {"$id", "id"})
    if (const Json* id = json.find(name); id && id->is_string()) {
      const std::string& text = id->as_string();
      if (text.starts_with('#')) {  // an anchor, as drafts up to 7 write it
        places_.insert({outer + text, {&json, outer, pointer}});
      } else if (std::string_view(name) == "$id") {
        base = resolved_uri(outer, text);
        if (base.ends_with('#')) base.pop_back();
        places_.insert_or_assign(base, Place{&json, base, pointer});
      }
    }
  for (const char* name : {"$anchor", "$dynamicAnchor"})
    if (const Json* anchor = json.find(name); anchor && anchor->is_string())
      places_.insert({base + "#" + anchor->as_string(), {&json, base, pointer}});
  for (const char* name :
       {"additionalItems", "additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then",
        "unevaluatedItems", "unevaluatedProperties", "allOf", "anyOf", "oneOf", "prefixItems"}) {
    const Json* value = json.find(name);
    if (!value) continue;
    const std::string at = pointer + "/" + name;
    index(*value, base, at, depth + 1);
    if (value->is_array())
      for (size_t i = 0; i < value->items().size(); ++i)
        index(value->items()[i], base, at + "/" + std::to_string(i), depth + 1);
  }
  for (const char* name :
       {"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"})
    if (const Json* map = json.find(name); map && map->is_object())
      for (const Json::Member& member : map->members())
        index(member.value, base, pointer + "/" + name + pointer_step(member.key), depth + 1);
}

NodeId SchemaDocument::add(const Json& json, std::string base, std::string pointer, bool constant) {
  const auto id = static_cast<NodeId>(nodes_.size());
  auto& known = constant ? constant_of_ : node_of_;
  const auto [place, is_new] = known.try_emplace(&json, id);
  if (is_new) nodes_.push_back({&json, std::move(base), std::move(pointer), constant});
  return place->second;
}

NodeId SchemaDocument::child(NodeId parent, const Json& json, const std::string& keyword, const std::string& key) {
  std::string base = base_inside(json, nodes_[parent].base);
  std::string pointer = nodes_[parent].pointer + "/" + keyword;
  if (!key.empty()) pointer += pointer_step(key);
  return add(json, std::move(base), std::move(pointer), false);
}

NodeId SchemaDocument::constant(NodeId parent, const Json& value, const std::string& keyword) {
  return add(value, {}, nodes_[parent].pointer + "/" + keyword, true);
}

// A JSON pointer from a place on.
Result<SchemaDocument::Place> SchemaDocument::follow(Place place, std::string_view fragment) const {
  const std::string whole = percent_decoded(fragment);
  std::string_view rest = whole;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view raw = rest.substr(0, rest.find('/'));
    rest.remove_prefix(raw.size());
    std::string key;
    for (size_t i = 0; i < raw.size(); ++i) {
      const bool escaped = raw[i] == '~' && i + 1 < raw.size();
      key += !escaped ? raw[i] : raw[i + 1] == '1' ? '/' : '~';
      i += escaped;
    }
    const Json* next = place.json->find(key);
    size_t number = 0;
    const auto got = std::from_chars(key.data(), key.data() + key.size(), number);
    if (place.json->is_array() && got.ec == std::errc() && got.ptr == key.data() + key.size() &&
        number < place.json->items().size())
      next = &place.json->items()[number];
    if (!next) return error(Status::kMalformed, "there is nothing at '%s'", printable(whole).c_str());
    place.json = next;
    place.pointer += pointer_step(key);
    place.base = base_inside(*next, place.base);
  }
  return place;
}

Result<NodeId> SchemaDocument::resolve(NodeId from, const std::string& reference) {
  const std::string uri = resolved_uri(nodes_[from].base, reference);
  const size_t hash = std::min(uri.find('#'), uri.size());
  const std::string resource = uri.substr(0, hash), fragment = hash < uri.size() ? uri.substr(hash + 1) : "";
  if (!places_.contains(resource)) {
    auto remote = remotes_.find(resource);
    if (remote == remotes_.end()) remote = remotes_.find(resource + "#");
    if (remote == remotes_.end())
      return error(Status::kUnsupported, "the document '%s' is not known", printable(resource).c_str());
    index_resource(remote->second, resource, resource + "#");
  }
  if (!fragment.empty() && fragment.front() != '/') {
    const auto anchor = places_.find(resource + "#" + percent_decoded(fragment));
    if (anchor == places_.end())
      return error(Status::kMalformed, "there is no anchor '%s'", printable(fragment).c_str());
    return add(*anchor->second.json, anchor->second.base, anchor->second.pointer, false);
  }
  PUMICE_ASSIGN(const Place place, follow(places_.find(resource)->second, fragment));
  return add(*place.json, place.base, place.pointer, false);
}

}  // namespace pumice::grammar
