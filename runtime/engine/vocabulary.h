// read_tokenizer: the tokenizer.ggml.* metadata of a GGUF file as TokenizerData.
//
// Contract: kMalformed where a key has the wrong type, kNotFound where the file has no vocabulary; the content itself
// is checked by Tokenizer::create. Ownership: the result has views of the file. Thread rule: a pure function. Source:
// the GGUF specification, ggml's docs/gguf.md, section "Tokenizer".
#pragma once

#include "base/result.h"
#include "format/gguf.h"
#include "text/source_text.h"
#include "text/tokenizer_data.h"

namespace pumice {

Result<TokenizerData> read_tokenizer(const Gguf& file);
// tokenizer.ggml.source.*, where a file has a vocabulary for sources.
Result<std::optional<SourceVocabulary>> read_source_vocabulary(const Gguf& file);

}  // namespace pumice
