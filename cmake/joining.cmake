# Joined sources: several files of a target are compiled as one, which reads the headers they share
# once and instantiates what they all use once. A build from nothing takes less than half the
# processor time; a build after an edit compiles more than what was edited. So it is for builds from
# nothing (preset `release`), while `dev` and `tidy` see each file alone, with its own includes.
option(PENSTOCK_JOIN "Compile the files of a target several at a time" OFF)

set(joined_bytes 60000)  # of source in one joined file: as many as keep every processor busy

# words_of(file words hidden): the words of a file, those after '.', '->' and '::' left out; and the
# names it declares in unnamed namespaces. The latter are found line by line, as .clang-format sets
# them: in the first column. A word too many only joins less.
function(words_of file words hidden)
  set(hidden_names)
  set(unnamed OFF)
  file(STRINGS ${file} lines REGEX "^[A-Za-z].*[({=;]|^}  // namespace$")
  foreach(line IN LISTS lines)
    if(line STREQUAL "namespace {")
      set(unnamed ON)
    elseif(line STREQUAL "}  // namespace")
      set(unnamed OFF)
    elseif(NOT unnamed OR line MATCHES "^(TEST|namespace |using [^=]*;)")
      continue()  # the same alias again is no clash
    elseif(line MATCHES "^(struct|class|enum|enum class|union|concept) ([A-Za-z0-9_]+)")
      list(APPEND hidden_names ${CMAKE_MATCH_2})
    elseif(line MATCHES "^([^({=;[]*[ *&>])?([A-Za-z0-9_]+) ?[[({=;]")
      list(APPEND hidden_names ${CMAKE_MATCH_2})
    endif()
  endforeach()
  file(READ ${file} text)
  string(REGEX REPLACE "//[^\n]*|\"[^\"\n]*\"|(\\.|->|::)[A-Za-z0-9_]+" " " text "${text}")
  string(REGEX MATCHALL "[A-Za-z_][A-Za-z0-9_]*" found "${text}")
  list(REMOVE_DUPLICATES found)
  set(${words} ${found} PARENT_SCOPE)
  set(${hidden} ${hidden_names} PARENT_SCOPE)
endfunction()

# any_in(names others into): whether a name is among the others.
function(any_in names others into)
  set(${into} OFF PARENT_SCOPE)
  foreach(name IN LISTS ${names})
    if(name IN_LIST ${others})
      set(${into} ON PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# join_sources(target): puts each file into the first joined file of the target that has room, where
# nobody says a name that another one has in an unnamed namespace, and whose files are of its kind:
# where another build of a file stands in its place (tests/planted), the linker must find the file's
# own things beside nothing else.
function(join_sources target)
  if(NOT PENSTOCK_JOIN)
    return()
  endif()
  get_target_property(sources ${target} SOURCES)
  set(count 0)
  foreach(source IN LISTS sources)
    get_filename_component(file ${source} ABSOLUTE)
    get_source_file_property(alone ${source} SKIP_UNITY_BUILD_INCLUSION)
    if(alone OR NOT EXISTS ${file})
      continue()
    endif()
    words_of(${file} words hidden)
    file(STRINGS ${file} replaced REGEX "#include \"broker/base/planted.h\"" LIMIT_COUNT 1)
    file(SIZE ${file} bytes)
    set(number 1)
    while(number LESS_EQUAL count)
      math(EXPR together "${bytes_${number}} + ${bytes}")
      if(replaced STREQUAL replaced_${number} AND together LESS_EQUAL joined_bytes)
        any_in(hidden words_${number} clash)
        any_in(hidden_${number} words clash_back)
        if(NOT clash AND NOT clash_back)
          break()
        endif()
      endif()
      math(EXPR number "${number} + 1")
    endwhile()
    if(number GREATER count)
      set(count ${number})
      set(words_${number})
      set(hidden_${number})
      set(bytes_${number} 0)
      set(replaced_${number} "${replaced}")
    endif()
    list(APPEND words_${number} ${words})
    list(APPEND hidden_${number} ${hidden})
    math(EXPR bytes_${number} "${bytes_${number}} + ${bytes}")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${target}_${number})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  # A class of one file with parts of its unnamed namespace is no header's mistake here.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endfunction()
