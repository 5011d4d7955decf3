#include "text/sentencepiece_model.h"

#include <bit>

#include "text/tokenizer_json.h"

namespace chitu {
namespace {

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct Field {
  uint32_t number = 0;
  uint32_t type = kVarint;
  uint64_t value = 0;      // of a number; the bits of a float
  std::string_view bytes;  // of kBytes
};

Error malformed() {
  return make_error(ErrorCode::kCorrupt,
                    "not a SentencePiece model: the protocol buffer is malformed");
}

// The fields of one message, one after the other.
class Message {
 public:
  explicit Message(std::string_view bytes) : rest_(bytes) {}

  bool done() const { return rest_.empty(); }

  Result<Field> next() {
    TRY(key, varint());
    Field field;
    field.number = static_cast<uint32_t>(key >> 3);
    field.type = static_cast<uint32_t>(key & 7);
    if (field.type == kVarint) {
      TRY(value, varint());
      field.value = value;
    } else if (field.type == kBytes) {
      TRY(length, varint());
      TRY(bytes, take(length));
      field.bytes = bytes;
    } else if (field.type == kFixed64 || field.type == kFixed32) {
      TRY(bytes, take(field.type == kFixed64 ? 8 : 4));
      for (size_t i = 0; i < bytes.size(); ++i) {
        field.value |= uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
      }
    } else {
      return malformed();
    }
    return field;
  }

 private:
  Result<uint64_t> varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    return malformed();
  }

  Result<std::string_view> take(uint64_t length) {
    if (length > rest_.size()) return malformed();
    const std::string_view bytes = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return bytes;
  }

  std::string_view rest_;
};

// Calls f(field) for every field of the message.
template <class F>
Status for_each_field(std::string_view bytes, F&& f) {
  for (Message message(bytes); !message.done();) {
    TRY(field, message.next());
    f(field);
  }
  return {};
}

// Field numbers of the messages.
namespace model_proto {
constexpr uint32_t kPieces = 1, kTrainerSpec = 2, kNormalizerSpec = 3;
}
namespace piece_proto {
constexpr uint32_t kText = 1, kScore = 2, kType = 3;
}
namespace trainer_proto {
constexpr uint32_t kModelType = 3, kWhitespaceAsSuffix = 24;
constexpr uint32_t kBosId = 41, kEosId = 42, kPadId = 43;
constexpr uint64_t kUnigram = 1, kBpe = 2;
}  // namespace trainer_proto
namespace normalizer_proto {
constexpr uint32_t kCharsmap = 2, kDummyPrefix = 3, kRemoveExtra = 4, kEscape = 5;
}

struct Trainer {
  uint64_t model_type = trainer_proto::kUnigram;
  bool whitespace_as_suffix = false;
  int32_t bos = 1;
  int32_t eos = 2;
  int32_t padding = -1;
};

Result<SentencePieceVocabulary::Piece> parse_piece(std::string_view bytes) {
  SentencePieceVocabulary::Piece piece;
  TRY_STATUS(for_each_field(bytes, [&](const Field& field) {
    if (field.number == piece_proto::kText) piece.text = field.bytes;
    if (field.number == piece_proto::kScore) {
      piece.score = std::bit_cast<float>(static_cast<uint32_t>(field.value));
    }
    if (field.number == piece_proto::kType) piece.type = static_cast<int32_t>(field.value);
  }));
  return piece;
}

Status add_piece(const SentencePieceVocabulary::Piece& piece,
                 std::vector<SentencePieceVocabulary::Piece>& pieces) {
  if (piece.text.empty()) {
    return make_error(ErrorCode::kCorrupt, "piece {} is empty", pieces.size());
  }
  if (pieces.size() == kMaxTokens) {
    return make_error(ErrorCode::kResourceExhausted, "there are more than {} pieces", kMaxTokens);
  }
  pieces.push_back(piece);
  return {};
}

Status parse_trainer(std::string_view bytes, Trainer& trainer) {
  return for_each_field(bytes, [&](const Field& field) {
    const auto number = static_cast<int32_t>(field.value);
    switch (field.number) {
      case trainer_proto::kModelType:
        trainer.model_type = field.value;
        break;
      case trainer_proto::kWhitespaceAsSuffix:
        trainer.whitespace_as_suffix = field.value != 0;
        break;
      case trainer_proto::kBosId:
        trainer.bos = number;
        break;
      case trainer_proto::kEosId:
        trainer.eos = number;
        break;
      case trainer_proto::kPadId:
        trainer.padding = number;
        break;
      default:
        break;
    }
  });
}

Status parse_normalizer(std::string_view bytes, SentencePieceVocabulary& vocabulary) {
  return for_each_field(bytes, [&](const Field& field) {
    const bool flag = field.value != 0;
    switch (field.number) {
      case normalizer_proto::kCharsmap:
        vocabulary.precompiled_charsmap = field.bytes;
        break;
      case normalizer_proto::kDummyPrefix:
        vocabulary.add_dummy_prefix = flag;
        break;
      case normalizer_proto::kRemoveExtra:
        vocabulary.remove_extra_whitespaces = flag;
        break;
      case normalizer_proto::kEscape:
        vocabulary.escape_whitespaces = flag;
        break;
      default:
        break;
    }
  });
}

Status apply_trainer(const Trainer& trainer, SentencePieceModel& model) {
  if (trainer.model_type != trainer_proto::kUnigram && trainer.model_type != trainer_proto::kBpe) {
    return make_error(ErrorCode::kUnsupported,
                      "trainer_spec.model_type: {} is not supported; 1 (unigram) and 2 (BPE) are",
                      trainer.model_type);
  }
  if (trainer.whitespace_as_suffix) {
    return make_error(ErrorCode::kUnsupported,
                      "trainer_spec.treat_whitespace_as_suffix: true is not supported");
  }
  model.vocabulary.unigram = trainer.model_type == trainer_proto::kUnigram;
  const auto known = [&](int32_t id) -> std::optional<int32_t> {
    if (id < 0 || static_cast<size_t>(id) >= model.vocabulary.pieces.size()) return std::nullopt;
    return id;
  };
  model.bos = known(trainer.bos);
  model.eos = known(trainer.eos);
  model.padding = known(trainer.padding);
  return {};
}

}  // namespace

Result<SentencePieceModel> parse_sentencepiece(std::string_view bytes) {
  SentencePieceModel model;
  Trainer trainer;
  for (Message message(bytes); !message.done();) {
    TRY(field, message.next());
    if (field.number == model_proto::kPieces) {
      TRY(piece, parse_piece(field.bytes));
      TRY_STATUS(add_piece(piece, model.vocabulary.pieces));
    } else if (field.number == model_proto::kTrainerSpec) {
      TRY_STATUS(parse_trainer(field.bytes, trainer));
    } else if (field.number == model_proto::kNormalizerSpec) {
      TRY_STATUS(parse_normalizer(field.bytes, model.vocabulary));
    }
  }
  if (model.vocabulary.pieces.empty()) {
    return make_error(ErrorCode::kCorrupt, "not a SentencePiece model: it has no pieces");
  }
  TRY_STATUS(apply_trainer(trainer, model));
  return model;
}

Result<TokenizerParts> parts_from_sentencepiece(std::string_view bytes,
                                                const TokenizerConfig& config) {
  TRY(model, parse_sentencepiece(bytes));
  TRY(parts, build_sentencepiece(model.vocabulary));
  parts.special.bos = model.bos;
  parts.special.padding = model.padding;
  if (model.eos) parts.special.eos = {*model.eos};
  if (model.bos) parts.prefix = {*model.bos};
  std::vector<AddedToken> added = config.added_tokens;
  for (AddedToken& token : added) {
    // SentencePiece's normalizer would put a space in front; the libraries that run it look for
    // these tokens in the text as given, whatever the file says.
    token.normalized = false;
  }
  TRY_STATUS(add_tokens(std::move(added), parts));
  config.apply(parts);
  return parts;
}

Result<Tokenizer> Tokenizer::from_sentencepiece(std::string_view model,
                                                std::string_view config_text) {
  TRY(config, TokenizerConfig::parse(config_text));
  TRY(parts, parts_from_sentencepiece(model, config));
  return Tokenizer(std::move(parts));
}

}  // namespace chitu
