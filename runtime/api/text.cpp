// Text to tokens and back.
#include <algorithm>

#include "api/handles.h"
#include "text/pair_form.h"

using namespace pumice;

namespace {

Result<const Tokenizer*> tokenizer_of(const PumiceModel* model) {
  const ModelObject& object = *model->object;
  if (object.tokenizer) return &*object.tokenizer;
  return error(Status::kUnsupported, "the file has no usable tokenizer: %s", object.tokenizer_error->message.c_str());
}

Result<void> check_id(const Tokenizer& tokenizer, int32_t id) {
  if (id >= 0 && id < tokenizer.vocabulary_size()) return {};
  return error(Status::kInvalidArgument, "token %d is outside the vocabulary of %d", id, tokenizer.vocabulary_size());
}

std::vector<int32_t> encode_pair(const Gguf& file, const Tokenizer& tokenizer, std::string_view first,
                                 std::string_view second) {
  const std::optional<std::string_view> form = file.get_string("tokenizer.chat_template.rerank");
  if (!form) return tokenizer.encode_pair(first, second);
  const FilledForm filled = fill_pair_form(*form, first, second);
  return tokenizer.encode_prompt(filled.text, filled.trusted);
}

}  // namespace

extern "C" {

PumiceResult pumice_tokenize(const PumiceModel* model, const char* text, size_t length, uint32_t flags, int32_t* ids,
                             size_t capacity, size_t* count) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    if ((!text && length > 0) || !count || (!ids && capacity > 0)) return invalid("text, ids or count");
    PUMICE_ASSIGN(const Tokenizer* tokenizer, tokenizer_of(model));
    const std::vector<int32_t> found =
        tokenizer->encode({text ? text : "", length}, {.add_special = (flags & PUMICE_TOKENIZE_ADD_SPECIAL) != 0,
                                                       .parse_special = (flags & PUMICE_TOKENIZE_PARSE_SPECIAL) != 0});
    if (tokenizer->has_double_bos(found))
      model->object->instance->instance->log().write(
          LogLevel::kWarning, "the text begins with BOS, and the model adds another, as its file says; leave one out");
    std::copy_n(found.begin(), std::min(found.size(), capacity), ids);
    *count = found.size();
    return {};
  });
}

PumiceResult pumice_tokenize_pair(const PumiceModel* model, const char* first, size_t first_length, const char* second,
                                  size_t second_length, int32_t* ids, size_t capacity, size_t* count) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    if ((!first && first_length > 0) || (!second && second_length > 0) || !count || (!ids && capacity > 0))
      return invalid("first, second, ids or count");
    PUMICE_ASSIGN(const Tokenizer* tokenizer, tokenizer_of(model));
    const std::vector<int32_t> found = encode_pair(*model->object->file, *tokenizer, {first ? first : "", first_length},
                                                   {second ? second : "", second_length});
    std::copy_n(found.begin(), std::min(found.size(), capacity), ids);
    *count = found.size();
    return {};
  });
}

PumiceResult pumice_token_text(const PumiceModel* model, int32_t id, char* buffer, size_t capacity, size_t* length) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    if (!length || (!buffer && capacity > 0)) return invalid("buffer or length");
    PUMICE_ASSIGN(const Tokenizer* tokenizer, tokenizer_of(model));
    PUMICE_TRY(check_id(*tokenizer, id));
    *length = copy_text(tokenizer->token_bytes(id), buffer, capacity);
    return {};
  });
}

PumiceResult pumice_detokenize(const PumiceModel* model, const int32_t* ids, size_t count, char* buffer,
                               size_t capacity, size_t* length) {
  if (!model) return PUMICE_INVALID_ARGUMENT;
  return guarded(&model->object->last_error, [&]() -> Result<void> {
    if ((!ids && count > 0) || !length || (!buffer && capacity > 0)) return invalid("ids, buffer or length");
    PUMICE_ASSIGN(const Tokenizer* tokenizer, tokenizer_of(model));
    for (size_t i = 0; i < count; ++i) PUMICE_TRY(check_id(*tokenizer, ids[i]));
    *length = copy_text(tokenizer->decode({ids, ids + count}), buffer, capacity);
    return {};
  });
}

}  // extern "C"
